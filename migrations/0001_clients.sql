-- Registered clients (RFC 7591). A deleted one keeps its row: the audit trail names it.
create table clients (
    id uuid primary key,
    brand text not null,
    -- organizationIdentifier of the QWAC: who may manage and use the client
    organisation text not null,
    legal_name text not null,
    metadata jsonb not null,
    -- space-delimited, as in RFC 6749 s3.3
    scope text not null,
    -- SHA-256, newest first; two only after a retried registration
    secret_digests bytea[] not null,
    registration_token_digests bytea[] not null,
    -- SHA-256 of the admitted metadata: a retried registration finds its client by it
    fingerprint bytea not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    deleted_at timestamptz,
    -- rises with each change: a write that relied on an older reading does nothing
    revision bigint not null default 1
);
create index clients_by_organisation on clients (brand, organisation) where deleted_at is null;

-- Accepted certificates as they were seen at the tpp counter: introspection can name one by its SHA-256.
create table certificates (
    thumbprint bytea primary key,
    organisation text not null,
    -- DER, leaf first
    chain bytea[] not null,
    first_seen_at timestamptz not null
);
