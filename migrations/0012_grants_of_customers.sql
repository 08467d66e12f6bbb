-- What a customer is told of the grants that he gave.
alter table grants
    -- right to within ten minutes; null: never
    add column last_used_at timestamptz,
    -- what whoever ended it said
    add column revoked_note text;
-- room on each page for a use to be written down beside its row: no index then changes
alter table grants set (fillfactor = 90);
-- ids are ordered by time: a customer's grants, newest first
create index grants_by_customer on grants (brand, psu, id);

-- A customer's visit to the page of his own permissions.
create table permission_visits (
    id uuid primary key,
    brand text not null,
    psu text not null,
    lang text not null,
    -- SHA-256 of the link's secret: it opens once, until then
    link_digest bytea not null,
    link_until timestamptz not null,
    -- SHA-256 of what the browser's cookie holds; null: not opened yet
    key_digest bytea,
    opened_at timestamptz,
    active_at timestamptz,
    check ((key_digest is null) = (opened_at is null) and (opened_at is null) = (active_at is null))
);
create index permission_visits_by_end on permission_visits (link_until);

alter table sandbox_customers
    -- published: it opens nothing but a sandbox; null: the one that the built-in customers have
    add column password text;
