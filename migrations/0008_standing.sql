-- The operator's blocks. A lifted one keeps its row: what was refused meanwhile must be explained.
create table blocks (
    id uuid primary key,
    -- '*': every brand's
    brand text not null,
    -- organisation | certificate | issuer_name | issuer_key | role
    target text not null,
    -- organizationIdentifier, SHA-256 in hexadecimal, the issuer's name, the role's name
    value text not null,
    -- of a role: the organisation that lost it; empty: everybody
    organisation text not null,
    reason text not null,
    -- what customers are told
    psu_notice text,
    since timestamptz not null,
    blocked_by text not null,
    -- PSD2 art. 68(6)
    authority_notified_on date,
    authority_reference text,
    lifted_at timestamptz,
    lifted_by text,
    lifted_why text
);
create unique index blocks_live on blocks (brand, target, value, organisation) where lifted_at is null;
create index blocks_by_end on blocks (lifted_at);

-- Exports of the national register, one a row. All but the last are superseded, and have no entries any more.
create table registers (
    id uuid primary key,
    as_of date not null,
    source text not null,
    -- SHA-256 of the file
    digest bytea not null,
    entries integer not null,
    imported_at timestamptz not null,
    imported_by text not null,
    superseded_at timestamptz
);
create index registers_by_end on registers (superseded_at);

create table register_entries (
    register_id uuid not null,
    -- organizationIdentifier
    organisation text not null,
    name text not null,
    -- space-delimited
    roles text not null,
    -- authorised | suspended | withdrawn
    status text not null,
    -- space-delimited country codes; null: the export does not say
    host_countries text,
    primary key (register_id, organisation)
);

-- who of the bank did it, and what no other column names
alter table audit_events add column if not exists actor text, add column if not exists subject text;
