-- What clients were seen to do, as far as a stricter profile asks for it or forbids it: a row for each client and practice, put together
-- from what each replica saw. Forgotten with the client.
create table client_practices (
    client_id uuid not null,
    practice text not null,
    times bigint not null,
    first_seen_at timestamptz not null,
    last_seen_at timestamptz not null,
    primary key (client_id, practice)
) with (fillfactor = 70);

-- The profile to which the bank holds a client, whatever it registered; null: to none.
alter table clients add column held_to text;
