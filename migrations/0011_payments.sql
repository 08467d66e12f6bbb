-- What the bank's payment API lodged for the customer's approval: an initiation or a cancellation.
create table payments (
    id uuid primary key,
    brand text not null,
    client_id uuid not null,
    -- initiation | cancellation
    kind text not null,
    -- the bank's own name of the payment
    name text not null,
    -- what the customer sees and approves
    payment jsonb not null,
    -- rises with each change: a journey approves the one that it began with, or nothing
    revision integer not null,
    -- lodged | approved | used | withdrawn | replaced
    state text not null,
    lodged_at timestamptz not null,
    -- unless approved by then
    expires_at timestamptz not null,
    grant_id uuid,
    approved_at timestamptz,
    used_at timestamptz,
    -- the bank's name of the execution: the same again is a retry
    used_reference text,
    withdrawn_at timestamptz,
    -- the last approval that a change made worthless
    invalidated_grant_id uuid
);
-- A payment has one request at a time; it may be lodged anew once the former one is over.
create unique index payments_by_name on payments (brand, kind, name) where state in ('lodged', 'approved', 'used');

-- The revision that the journey began with.
alter table interactions add column payment_revision integer;
