-- What a certificate says, kept beside it: who must renew, and by when. A row from before has none of it until the certificate
-- is met again.
alter table certificates
    add column issuer text,
    -- hexadecimal, as in the DER
    add column serial text,
    add column not_before timestamptz,
    add column not_after timestamptz,
    add column legal_name text,
    add column roles text[],
    -- where it was accepted: a sandbox's certificate does not renew production's
    add column brands text[] not null default '{}',
    -- rises at most once an hour and process
    add column last_seen_at timestamptz not null default now();
update certificates set last_seen_at = first_seen_at;
create index certificates_by_organisation on certificates (organisation, not_after);
create index certificates_by_end on certificates (not_after);

-- an organisation's clients of all brands
create index clients_of_organisation on clients (organisation) where deleted_at is null;

-- An organisation that became another one, as an operator said. Never deleted.
create table organisation_merges (
    id uuid primary key,
    old text not null,
    new text not null,
    at timestamptz not null,
    by text not null,
    reason text not null,
    -- until then certificates of old stand for clients of new
    until timestamptz not null,
    -- or until a later merge turned it round; whatever anybody's clock says
    ended_at timestamptz,
    -- how many were moved
    clients bigint not null
);
create index organisation_merges_by_old on organisation_merges (old, at);
create index organisation_merges_by_new on organisation_merges (new, at);
create index organisation_merges_by_end on organisation_merges (until) where ended_at is null;

-- What the bank's own systems are told, to be read in order. Ids are given out in the order of commits.
create table events (
    id bigint generated always as identity primary key,
    at timestamptz not null,
    kind text not null,
    organisation text,
    brand text,
    payload jsonb not null,
    -- the same event happens once, whoever notices it
    occasion text not null,
    unique (kind, occasion)
);
create index events_by_age on events (at);

-- Work that one process does for all, and when it was last done.
create table task_turns (
    task text primary key,
    taken_at timestamptz not null
);
insert into task_turns (task, taken_at) values ('expiry', '1970-01-01T00:00:00Z');
