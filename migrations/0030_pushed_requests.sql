-- Authorization requests that clients pushed (RFC 9126): a few seconds each. A journey says which one it began with, so that its answer
-- spends it.
create table pushed_requests (
    id uuid primary key,
    brand text not null,
    client_id uuid not null,
    -- SHA-256 of the secret half of its name
    digest bytea not null,
    -- pairs of names and values, without what authenticated the client
    parameters jsonb not null,
    expires_at timestamptz not null,
    spent_at timestamptz
);

alter table interactions add column pushed_id uuid;
