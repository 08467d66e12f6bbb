-- Ids are time-ordered UUIDs, so inserts touch the right edge of each index.
-- No foreign keys: the writes that need a living parent read it in the same statement,
-- and rows must be free to leave by time, not by reference.

-- What a customer consented to. Ending it ends every token under it: one row.
create table grants (
    id uuid primary key,
    brand text not null,
    client_id uuid not null,
    channel text not null,
    scope text not null,
    -- the bank's opaque reference, never a login
    psu text not null,
    sca_at timestamptz not null,
    created_at timestamptz not null,
    expires_at timestamptz not null,
    revoked_at timestamptz,
    revoked_reason text
);
create index grants_by_client on grants (client_id) where revoked_at is null;

-- One journey of one customer, from the authorization request to its answer.
create table interactions (
    id uuid primary key,
    brand text not null,
    channel text not null,
    client_id uuid not null,
    redirect_uri text not null,
    redirect_uri_sent boolean not null,
    tpp_state text,
    scope text not null,
    challenge text,
    lang text not null,
    -- SHA-256 of the key in the browser's cookie
    browser_digest bytea not null,
    -- sign_in | consent | approved | failed
    state text not null,
    attempts smallint not null default 0,
    psu text,
    sca_at timestamptz,
    grant_id uuid,
    failure text,
    created_at timestamptz not null,
    active_at timestamptz not null,
    expires_at timestamptz not null
);

-- One code a grant; fetched again before it is used, it is replaced.
create table codes (
    id uuid primary key,
    digest bytea not null,
    grant_id uuid not null unique,
    redirect_uri text not null,
    redirect_uri_sent boolean not null,
    challenge text,
    expires_at timestamptz not null,
    consumed_at timestamptz
);

-- Access and refresh tokens; a client_credentials token has no grant.
create table tokens (
    id uuid primary key,
    digest bytea not null,
    -- 'a' access, 'r' refresh
    kind "char" not null,
    brand text not null,
    client_id uuid not null,
    grant_id uuid,
    scope text not null,
    channel text not null,
    issued_at timestamptz not null,
    expires_at timestamptz not null,
    revoked_at timestamptz,
    -- SHA-256 of the certificate it is bound to (RFC 8705 s3)
    certificate bytea
);
