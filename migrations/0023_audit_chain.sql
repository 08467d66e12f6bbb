-- Audit events live in tables of a month, and seals stand over what is complete: changed, missing and added rows are found.
-- the release before goes on: its statements name the same table and columns, and each is planned anew; they wait while the former
-- rows are copied, which takes some seconds for a million.
alter table audit_events rename to audit_events_before;
alter index audit_events_pkey rename to audit_events_before_pkey;

-- What is added to a transaction's number to make a position. Another value only where the rows came into another cluster, whose
-- numbers begin anew: `resume_audit_positions` replaces the function, and every plan that has its value.
create function audit_offset() returns bigint language sql immutable parallel safe as 'select 0::bigint';
do $$
declare
    former bigint;
begin
    select count(*) into former from audit_events_before;
    execute format('create or replace function audit_offset() returns bigint language sql immutable parallel safe as ''select %s::bigint''',
                   former);
end
$$;

-- A UUIDv7 begins with the milliseconds of its event: the id names the table.
create table audit_events (
    id uuid primary key,
    at timestamptz not null,
    -- '*': every brand's
    brand text not null,
    kind text not null,
    client_id uuid,
    organisation text,
    grant_id uuid,
    -- the stable reason code of a refusal
    reason text,
    -- who of the bank did it, and what no other column names
    actor text,
    subject text,
    -- the number of the transaction that wrote it: what is below the oldest one that runs is complete for ever
    position bigint not null default pg_current_xact_id()::text::bigint + audit_offset()
) partition by range (id);
create index audit_events_by_position on audit_events using brin (position) with (pages_per_range = 32, autosummarize = on);
-- Where an event goes whose month has no table: kept all the same, and an alarm.
create table audit_events_default partition of audit_events default;

create function audit_is_kept() returns trigger language plpgsql as $$
begin
    raise exception 'what is in % is neither changed nor deleted', tg_table_name using errcode = 'insufficient_privilege';
end
$$;
create trigger audit_is_kept before update or delete on audit_events for each row execute function audit_is_kept();
create trigger audit_is_kept_whole before truncate on audit_events for each statement execute function audit_is_kept();
create trigger audit_is_kept_whole before truncate on audit_events_default for each statement execute function audit_is_kept();

-- The months, counted from January 1970.
create function audit_month_of(at timestamptz) returns int language sql immutable strict as $$
    select ((extract(year from at at time zone 'UTC') - 1970) * 12 + extract(month from at at time zone 'UTC') - 1)::int
$$;
create function audit_month_begin(number int) returns timestamptz language sql immutable strict as $$
    select (date '1970-01-01' + make_interval(months => number)) at time zone 'UTC'
$$;
create function audit_month_first_id(number int) returns uuid language sql immutable strict as $$
    select (lpad(to_hex((extract(epoch from audit_month_begin(number)) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid
$$;
create function audit_month_table(number int) returns text language sql immutable strict as $$
    select 'audit_events_' || to_char(audit_month_begin(number) at time zone 'UTC', 'YYYYMM')
$$;

-- Makes the table of a month, and fetches from the default one what should have been in it. False: it is there already.
-- With the rights of whoever migrates. Locks and the traps of attaching are those of add_tokens_partition.
create function add_audit_month(number int) returns boolean language plpgsql strict security definer
set lock_timeout = '50ms' as $$
declare
    name text;
    given record;
begin
    if number not between 0 and 2400 then
        raise exception 'no month has the number %', number using errcode = 'invalid_parameter_value';
    end if;
    name := audit_month_table(number);
    perform pg_advisory_xact_lock(hashtext('audit_months'));
    if exists (select from pg_inherits where inhparent = 'audit_events'::regclass and inhrelid = to_regclass(name)) then
        return false;
    end if;
    lock table only audit_events, only audit_events_default in access exclusive mode;
    execute format('create table %I (like audit_events including defaults including constraints including indexes)', name);
    alter table audit_events_default disable trigger audit_is_kept;
    execute format('with late as (delete from audit_events_default where id >= %L and id < %L returning *) insert into %I select * from late',
                   audit_month_first_id(number), audit_month_first_id(number + 1), name);
    alter table audit_events_default enable trigger audit_is_kept;
    execute format('alter table audit_events attach partition %I for values from (%L) to (%L)',
                   name, audit_month_first_id(number), audit_month_first_id(number + 1));
    execute format('create trigger audit_is_kept_whole before truncate on %I for each statement execute function audit_is_kept()', name);
    -- whoever may write events does so through their parent
    for given in select case when a.grantee = 0 then 'public' else a.grantee::regrole::text end as who
                 from pg_class c, aclexplode(c.relacl) a where c.oid = to_regclass(name) and a.grantee <> c.relowner loop
        execute format('revoke all on %I from %s', name, given.who);
    end loop;
    return true;
end
$$;

-- What a sealer has come to: no event below this position is without a seal.
create table audit_horizon (
    one boolean primary key default true check (one),
    position bigint not null,
    -- by the database's clock
    moved_at timestamptz not null
);
insert into audit_horizon (position, moved_at) values (0, 'epoch');

-- One chain a brand: each seal stands over the brand's events between two positions and names the seal before it.
create table audit_seals (
    brand text not null,
    number bigint not null,
    from_position bigint not null,
    -- excluded
    to_position bigint not null,
    sealed_at timestamptz not null,
    events int not null,
    -- the least and the greatest: which months it reaches into
    first_id uuid not null,
    last_id uuid not null,
    -- of each event in order, the id and 32 bytes; null: the events' months were dropped
    leaf_ids uuid[],
    leaf_hashes bytea,
    -- RFC 9162 s2.1.1 over the leaves
    root bytea not null,
    previous bytea not null,
    hash bytea not null,
    primary key (brand, number)
);
alter table audit_seals alter column leaf_ids set storage external, alter column leaf_hashes set storage external;
create unique index audit_seals_by_position on audit_seals (brand, to_position);
create index audit_seals_by_time on audit_seals (brand, sealed_at, number);
create index audit_seals_with_leaves on audit_seals (last_id) where leaf_ids is not null;

create function audit_seal_is_kept() returns trigger language plpgsql as $$
begin
    -- leaves may go, and nothing else
    if tg_op = 'UPDATE' then
        if new.leaf_ids is null and new.leaf_hashes is null
           and (new.brand, new.number, new.from_position, new.to_position, new.sealed_at, new.events, new.first_id, new.last_id, new.root,
                new.previous, new.hash)
             = (old.brand, old.number, old.from_position, old.to_position, old.sealed_at, old.events, old.first_id, old.last_id, old.root,
                old.previous, old.hash) then
            return new;
        end if;
    end if;
    raise exception 'a seal is neither changed nor deleted' using errcode = 'insufficient_privilege';
end
$$;
create trigger audit_is_kept before update or delete on audit_seals for each row execute function audit_seal_is_kept();
create trigger audit_is_kept_whole before truncate on audit_seals for each statement execute function audit_is_kept();

-- The heads of the chains, as they were told to the outside.
create table audit_anchors (
    at timestamptz not null,
    brand text not null,
    number bigint not null,
    hash bytea not null,
    primary key (at, brand)
);
create trigger audit_is_kept before update or delete on audit_anchors for each row execute function audit_is_kept();
create trigger audit_is_kept_whole before truncate on audit_anchors for each statement execute function audit_is_kept();

-- Which months were dropped, each with the event that says so.
create table audit_drops (
    number int primary key,
    event_id uuid not null
);

-- Drops the table of a month, and what the default one has of then. All of it must be sealed, and nothing older be there.
-- False: it is gone already.
create function drop_audit_month(number int, event_id uuid) returns boolean language plpgsql strict security definer
set lock_timeout = '50ms' as $$
declare
    name text;
    sealed bigint;
    open boolean;
begin
    if number not between 0 and 2400 then
        raise exception 'no month has the number %', number using errcode = 'invalid_parameter_value';
    end if;
    name := audit_month_table(number);
    if audit_month_begin(number + 1) + interval '31 days' > now() then
        raise exception 'events in % are too young', name using errcode = 'object_not_in_prerequisite_state';
    end if;
    perform pg_advisory_xact_lock(hashtext('audit_months'));
    if not exists (select from pg_inherits where inhparent = 'audit_events'::regclass and inhrelid = to_regclass(name)) then
        return false;
    end if;
    if exists (select from pg_inherits i join pg_class c on c.oid = i.inhrelid
               where i.inhparent = 'audit_events'::regclass and c.relname ~ '^audit_events_[0-9]{6}$' and c.relname < name) then
        raise exception 'an older month than % is still there', name using errcode = 'object_not_in_prerequisite_state';
    end if;
    lock table only audit_events, only audit_events_default in access exclusive mode nowait;
    execute format('lock table only %I in access exclusive mode nowait', name);
    select position into sealed from audit_horizon;
    execute format('select exists (select from %I where position >= $1)', name) into open using sealed;
    if open then
        raise exception 'events in % are not sealed yet', name using errcode = 'object_not_in_prerequisite_state';
    end if;
    alter table audit_events_default disable trigger audit_is_kept;
    delete from audit_events_default where id < audit_month_first_id(number + 1) and position < sealed;
    alter table audit_events_default enable trigger audit_is_kept;
    execute format('drop table %I', name);
    insert into audit_drops values (number, event_id);
    return true;
end
$$;

-- The leaves of seals over nothing but what came before a month and was dropped, a few at a time; says of how many.
create function forget_audit_leaves(number int) returns bigint language plpgsql strict security definer as $$
declare
    done bigint;
begin
    if exists (select from pg_inherits i join pg_class c on c.oid = i.inhrelid
               where i.inhparent = 'audit_events'::regclass and c.relname ~ '^audit_events_[0-9]{6}$'
                 and c.relname < audit_month_table(number)) then
        raise exception 'events of then are still there' using errcode = 'object_not_in_prerequisite_state';
    end if;
    update audit_seals set leaf_ids = null, leaf_hashes = null
    where (brand, audit_seals.number) in
          (select s.brand, s.number from audit_seals s
           where s.leaf_ids is not null and s.last_id < audit_month_first_id(forget_audit_leaves.number) order by s.last_id limit 200);
    get diagnostics done = row_count;
    return done;
end
$$;

-- After the rows came into another cluster, whose transaction numbers are low: positions go on above all that there are. What was
-- written with low ones meanwhile gets a position up there: nobody has sealed it. False: nothing is wrong.
create function resume_audit_positions() returns boolean language plpgsql security definer
set lock_timeout = '5s' as $$
declare
    sealed bigint;
    highest bigint;
    here bigint := pg_current_xact_id()::text::bigint;
begin
    perform pg_advisory_xact_lock(hashtext('audit_positions'));
    select position into sealed from audit_horizon;
    if here + audit_offset() >= sealed then
        return false;
    end if;
    lock table audit_events in share row exclusive mode;
    select greatest(sealed, coalesce(max(position), 0)) + 1 into highest from audit_events where position >= sealed;
    alter table audit_events disable trigger audit_is_kept;
    update audit_events set position = highest
    where position between audit_offset() and here + audit_offset() and xmin::text::bigint + audit_offset() = position;
    alter table audit_events enable trigger audit_is_kept;
    execute format('create or replace function audit_offset() returns bigint language sql immutable parallel safe as ''select %s::bigint''',
                   highest - here);
    return true;
end
$$;

-- As with tokens: whoever may insert those may write events, seals and anchors, change none, and call these.
do $$
declare
    may record;
    function regprocedure;
begin
    foreach function in array array['add_audit_month(int)', 'drop_audit_month(int, uuid)', 'forget_audit_leaves(int)',
                                    'resume_audit_positions()']::regprocedure[] loop
        execute format('alter function %s set search_path = %I, pg_temp', function, current_schema());
        execute format('revoke execute on function %s from public', function);
    end loop;
    for may in select case when a.grantee = 0 then 'public' else a.grantee::regrole::text end as who
               from pg_class c, aclexplode(c.relacl) a
               where c.oid = 'audit_events_before'::regclass and a.privilege_type = 'INSERT' and a.grantee <> c.relowner loop
        foreach function in array array['add_audit_month(int)', 'drop_audit_month(int, uuid)', 'forget_audit_leaves(int)',
                                        'resume_audit_positions()']::regprocedure[] loop
            execute format('grant execute on function %s to %s', function, may.who);
        end loop;
        execute format('grant select, insert on audit_events, audit_seals, audit_anchors to %s', may.who);
        execute format('grant select, update on audit_horizon to %s', may.who);
        execute format('revoke update, delete, truncate on audit_events, audit_seals, audit_anchors from %s', may.who);
        execute format('revoke all on audit_events_default, audit_drops from %s', may.who);
        execute format('grant select on audit_events_default, audit_drops to %s', may.who);
    end loop;
end
$$;

-- The months that there are events of, this one and the next three.
select add_audit_month(number)
from (select audit_month_of(at) as number from audit_events_before group by 1
      union select generate_series(audit_month_of(now()), audit_month_of(now()) + 3)) as months (number)
where number between 0 and 2400 order by number;
insert into audit_events (id, at, brand, kind, client_id, organisation, grant_id, reason, actor, subject, position)
select id, at, brand, kind, client_id, organisation, grant_id, reason, actor, subject, row_number() over (order by id) from audit_events_before;
drop table audit_events_before;

insert into task_turns (task, taken_at) values ('audit_months', 'epoch'), ('audit_anchors', 'epoch');
