-- What a journey needs where the bank's portal, its app or its SCA back end takes part in it.
alter table interactions
    -- browser | app: who holds the key of `browser_digest`, and where the answer goes
    add column begun_by text not null default 'browser',
    -- SHA-256 of what the portal or the app's back end names it by
    add column ticket_digest bytea,
    -- the lodged payment or cancellation that it approves
    add column payment_id uuid,
    -- the customer went on in the browser where the bank's app was expected
    add column fallback boolean not null default false,
    -- JSON: what is true in this state only
    add column facts jsonb,
    -- SHA-256 of how the bank concluded it: the same conclusion again is a retry, another one is refused
    add column conclusion_digest bytea;

alter table grants
    -- the lodged payment that it is good for, and for no other
    add column payment_id uuid,
    -- the bank's ids of the accounts that the customer chose; null: as the bank's rule says
    add column accounts text[],
    -- how the customer was authenticated, and the bank's reference of it
    add column sca_method text,
    add column sca_reference text;
