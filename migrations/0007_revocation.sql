-- What is known of certificates' revocation, shared by all processes: a row for each certificate that was accepted once.

create table certificate_status (
    issuer_key      bytea not null check (octet_length(issuer_key) = 32),  -- SHA-256 over the issuer's SubjectPublicKeyInfo
    serial          bytea not null check (octet_length(serial) <= 21),     -- without leading zeros
    issuer_name     bytea not null,                                        -- DER
    issuer_spki     bytea not null,                                        -- DER
    ocsp_urls       text[] not null,
    crl_urls        text[] not null,
    not_after       timestamptz not null,
    -- the answer that counts
    said            text check (said in ('good', 'revoked', 'unknown')),   -- null: there was none yet
    revoked_at      timestamptz,
    reason          smallint,                                              -- RFC 5280 s5.3.1
    this_update     timestamptz,
    next_update     timestamptz,
    learnt_at       timestamptz,
    via             text,                                                  -- the URL that gave it
    -- how asking goes
    failing_since   timestamptz,
    failures        integer not null default 0,
    failure         text,                                                  -- the last one's code
    next_check_at   timestamptz,                                           -- null: never again
    lease_until     timestamptz,                                           -- somebody is asking until then at most
    seen_at         timestamptz not null,
    changed_at      timestamptz not null default clock_timestamp(),        -- by the database's clock: readers go by it
    primary key (issuer_key, serial),
    check ((said is null) = (learnt_at is null)),
    check ((said = 'revoked') = (revoked_at is not null and reason is not null))
);

create index certificate_status_due on certificate_status (next_check_at);
create index certificate_status_changed on certificate_status (changed_at);
create index certificate_status_end on certificate_status (not_after);
