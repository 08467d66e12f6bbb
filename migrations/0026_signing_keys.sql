-- The bank's signing keys. What a key is good for is a comparison of its times with now: no job moves it on.
create table signing_keys (
    -- RFC 7638
    kid text primary key,
    -- ES256 | PS256 | EdDSA
    algorithm text not null,
    -- JSON: the public half, as it is published (RFC 7517)
    public jsonb not null,
    -- PKCS #8 under AES-256-GCM: nonce, ciphertext, tag; null: destroyed, it never signs again
    sealed bytea,
    -- which wrapping key that is under: the first half of its SHA-256
    wrapped_by bytea check (octet_length(wrapped_by) = 16),
    made_at timestamptz not null,
    made_by text not null,
    -- published before, so that nobody meets a signature whose key he does not know
    signs_from timestamptz not null,
    -- from then on its successor signs; null: it has none yet
    signs_until timestamptz,
    -- published until then, for what it signed last
    published_until timestamptz,
    retired_by text,
    check ((sealed is null) = (wrapped_by is null)),
    check (signs_until is null or published_until >= signs_until)
);
create index signing_keys_by_end on signing_keys (published_until);
insert into versions (subject, version) values ('signing', 0);
