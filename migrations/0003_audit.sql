-- What the bank must be able to prove later. Written in the transaction of the decision; never changed.
create table audit_events (
    id uuid primary key,
    at timestamptz not null,
    brand text not null,
    kind text not null,
    client_id uuid,
    organisation text,
    grant_id uuid,
    -- the stable reason code of a refusal
    reason text
);
