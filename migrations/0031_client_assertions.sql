-- Assertions that clients signed (RFC 7523) and used: none is taken twice. A row is forgotten when its assertion has expired anyway.
create table client_assertions (
    -- SHA-256 of client and `jti`
    digest bytea primary key,
    client_id uuid not null,
    expires_at timestamptz not null
);

create index client_assertions_by_end on client_assertions (expires_at);
