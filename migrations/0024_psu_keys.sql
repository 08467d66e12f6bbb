-- Of which customer an audit event is: encrypted under a key of his own, which is destroyed when the bank must forget him. What was
-- sealed stays as it was sealed.
alter table audit_events
    -- which key; it stays when the key is gone
    add column psu_key uuid,
    -- AES-256-GCM: 12 bytes of nonce, the reference, 16 bytes of tag
    add column psu bytea;
create index audit_events_of_customer on audit_events (psu_key, id) where psu_key is not null;

create table psu_keys (
    id uuid primary key,
    brand text not null,
    -- HMAC-SHA256 over the bank's reference of the customer
    digest bytea not null,
    key bytea not null check (octet_length(key) = 32),
    made_at timestamptz not null,
    unique (brand, digest)
);

-- What finds a customer's key: made by the first server that needs it, the same for all.
create table psu_digest_key (
    one boolean primary key default true check (one),
    key bytea not null check (octet_length(key) = 32)
);

do $$
declare
    may record;
begin
    for may in select case when a.grantee = 0 then 'public' else a.grantee::regrole::text end as who
               from pg_class c, aclexplode(c.relacl) a
               where c.oid = 'audit_events'::regclass and a.privilege_type = 'INSERT' and a.grantee <> c.relowner loop
        execute format('grant select, insert, delete on psu_keys to %s', may.who);
        execute format('grant select, insert on psu_digest_key to %s', may.who);
    end loop;
end
$$;
