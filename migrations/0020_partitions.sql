-- Access tokens live in tables by the time they end; a code and a refresh token live in the row of their grant.
-- Nothing was released with the former tables: what they hold ends here, grants stay.
drop table tokens;
drop table codes;

-- The first two bytes of an id name the table, the next four the second of its issue: a statement that knows the id names the
-- table itself, writes at the right edge of its index, and pays for no other table.
create table tokens (
    id uuid primary key,
    client_id uuid not null,
    -- a client_credentials token has none
    grant_id uuid,
    issued_at timestamptz not null,
    expires_at timestamptz not null,
    revoked_at timestamptz,
    -- SHA-256 of the secret half
    digest bytea not null,
    -- SHA-256 of the certificate it is bound to (RFC 8705 s3)
    certificate bytea,
    brand text not null,
    channel text not null,
    scope text not null
) partition by range (id);
-- Where a token goes whose own table is missing: found all the same, and an alarm.
create table tokens_default partition of tokens default;

-- The table of a number: up to 32767 the day, counted from 1970-01-01, on which its tokens end; from 32768 the week, counted from
-- Monday 1970-01-05.
create function tokens_partition_name(number int) returns text language sql immutable as $$
    select case when number < 32768 then 'tokens_day_' || to_char(date '1970-01-01' + number, 'YYYYMMDD')
                else 'tokens_week_' || to_char(date '1970-01-05' + (number - 32768) * 7, 'YYYYMMDD') end
$$;

-- From then on nothing in the table of a number is alive.
create function tokens_partition_end(number int) returns timestamptz language sql immutable strict as $$
    select (case when number < 32768 then date '1970-01-01' + number + 1
                 else date '1970-01-05' + (number - 32768) * 7 + 7 end)::timestamp at time zone 'UTC'
$$;

-- Makes the table of a number, and fetches from the default one what should have been in it. False: it is there already.
-- With the rights of whoever migrates, so that the server's own user needs none to create tables.
create function add_tokens_partition(number int) returns boolean language plpgsql strict security definer
set lock_timeout = '50ms' as $$
declare
    name text;
    first uuid;
    next uuid;
    given record;
begin
    if number not between 0 and 32766 and number not between 32768 and 65534 then
        raise exception 'no table has the number %', number using errcode = 'invalid_parameter_value';
    end if;
    name := tokens_partition_name(number);
    first := (lpad(to_hex(number), 4, '0') || repeat('0', 28))::uuid;
    next := (lpad(to_hex(number + 1), 4, '0') || repeat('0', 28))::uuid;
    -- one at a time, also between servers
    perform pg_advisory_xact_lock(hashtext('tokens_partitions'));
    if exists (select from pg_inherits where inhparent = 'tokens'::regclass and inhrelid = to_regclass(name)) then
        return false;
    end if;
    -- before anything is looked at: what is being written to the default table now is fetched, too. Of the parent, because a
    -- session that reads its list of tables while one is attached may keep the old list, and write to the default table for ever
    lock table only tokens, only tokens_default in access exclusive mode;
    execute format('create table %I (like tokens including defaults including constraints including indexes)', name);
    -- nothing in it is ever in the way, and it goes as a whole: vacuuming it would be for nothing. Statistics taken while it is
    -- small would have it read from end to end later
    execute format('alter table %I set (autovacuum_enabled = false)', name);
    execute format('with late as (delete from tokens_default where id >= %L and id < %L returning *) insert into %I select * from late',
                   first, next, name);
    execute format('alter table tokens attach partition %I for values from (%L) to (%L)', name, first, next);
    -- who may use tokens may name this table, too
    for given in select case when a.grantee = 0 then 'public' else a.grantee::regrole::text end as who, a.privilege_type as what
                 from pg_class c, aclexplode(c.relacl) a where c.oid = 'tokens'::regclass loop
        execute format('grant %s on %I to %s', given.what, name, given.who);
    end loop;
    return true;
end
$$;

-- Drops the table of a number with all that is in it, which is over by the database's clock as well. False: it is gone already.
create function drop_tokens_partition(number int) returns boolean language plpgsql strict security definer
set lock_timeout = '50ms' as $$
declare
    name text;
begin
    if number not between 0 and 32766 and number not between 32768 and 65534 then
        raise exception 'no table has the number %', number using errcode = 'invalid_parameter_value';
    end if;
    name := tokens_partition_name(number);
    if tokens_partition_end(number) > now() then
        raise exception 'tokens in % may be alive', name using errcode = 'object_not_in_prerequisite_state';
    end if;
    perform pg_advisory_xact_lock(hashtext('tokens_partitions'));
    if not exists (select from pg_inherits where inhparent = 'tokens'::regclass and inhrelid = to_regclass(name)) then
        return false;
    end if;
    -- all that dropping takes, and nothing of it is waited for: whoever waits for such a lock holds up everybody behind him
    lock table only tokens, only tokens_default in access exclusive mode nowait;
    execute format('lock table only %I in access exclusive mode nowait', name);
    execute format('drop table %I', name);
    return true;
end
$$;

-- Whoever may insert tokens may call them, and nobody else.
do $$
declare
    may record;
    function regprocedure;
begin
    foreach function in array array['add_tokens_partition(int)', 'drop_tokens_partition(int)']::regprocedure[] loop
        -- names mean what is in this schema, whatever a caller has in another one or in a temporary table
        execute format('alter function %s set search_path = %I, pg_temp', function, current_schema());
        execute format('revoke execute on function %s from public', function);
        for may in select case when a.grantee = 0 then 'public' else a.grantee::regrole::text end as who
                   from pg_class c, aclexplode(c.relacl) a where c.oid = 'tokens'::regclass and a.privilege_type = 'INSERT' loop
            execute format('grant execute on function %s to %s', function, may.who);
        end loop;
    end loop;
end
$$;

alter table grants
    -- the one code of the grant: SHA-256 of its secret half; null: the answer was not fetched yet
    add column code_digest bytea,
    add column code_expires_at timestamptz,
    -- kept after that, so that a second use is recognised
    add column code_consumed_at timestamptz,
    -- what the exchange must repeat (RFC 6749 s4.1.3, RFC 7636 s4.6)
    add column redirect_uri text,
    add column redirect_uri_sent boolean,
    add column challenge text,
    -- the refresh token of the grant, and the one that is to follow it where the brand rotates: SHA-256 of the secret halves
    add column refresh_digest bytea,
    add column refresh_next_digest bytea,
    add column refresh_generation int not null default 0;

insert into task_turns (task, taken_at) values ('partitions', 'epoch');
