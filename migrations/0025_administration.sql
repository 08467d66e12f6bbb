-- Acts that wait for a second person, and what became of them.
create table acts (
    id uuid primary key,
    -- its name: client.block, grant.revoke_all, ..
    act text not null,
    -- '*': every brand's
    brand text not null,
    -- JSON: what is to be done
    arguments jsonb not null,
    -- SHA-256 over both: the same is proposed once at a time
    digest bytea not null check (octet_length(digest) = 32),
    reason text not null,
    proposed_at timestamptz not null,
    proposed_by text not null,
    -- cli | api
    proposed_through text not null,
    -- the operating system's user, or the certificate's subject
    proposed_as text not null,
    expires_at timestamptz not null,
    -- approved | rejected | expired: made room for a new one; null: open, until then
    decision text,
    decided_at timestamptz,
    decided_by text,
    decided_through text,
    decided_as text,
    -- why it was rejected
    decided_why text,
    -- JSON: what doing it came to
    outcome jsonb,
    check ((decision is null) = (decided_at is null))
);
create unique index acts_open on acts (digest) where decision is null;

-- All grants of a client or of an organisation are ended, some at a time: where that stands.
create table grant_sweeps (
    id uuid primary key,
    -- '*': at every brand
    brand text not null,
    -- revoke | force_sca
    kind text not null,
    -- whose grants: of the one or of the other
    client_id uuid,
    organisation text,
    reason text not null,
    -- what customers are told
    psu_notice text,
    begun_by text not null,
    -- what was given later is another consent
    begun_at timestamptz not null,
    -- the client at which it is, and the last grant that it ended there
    at_client uuid,
    at_grant uuid,
    clients bigint not null default 0,
    grants bigint not null default 0,
    finished_at timestamptz,
    check ((client_id is null) <> (organisation is null))
);
create index grant_sweeps_by_end on grant_sweeps (finished_at, id);

alter table grants
    -- the bank had the customer authenticated anew (RTS art. 10a(3)): `expires_at` is when
    add column sca_forced_at timestamptz,
    add column sca_forced_why text;
-- a client's grants in order of time: told of and ended page by page
create index grants_of_client on grants (client_id, id);
