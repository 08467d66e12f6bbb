-- Who owns the schema (`guichet migrate up`), and who serves: rows alone, and no more connections than are counted for it.
\set ON_ERROR_STOP on
select format('create role %I login', name) from unnest(array['guichet_owner', 'guichet_server']) name
where not exists (select from pg_roles where rolname = name) \gexec
alter role guichet_owner password :'owner_password';
alter role guichet_server password :'server_password' connection limit 80;
select 'create database guichet owner guichet_owner' where not exists (select from pg_database where datname = 'guichet') \gexec
\connect guichet
alter default privileges for role guichet_owner in schema public grant select, insert, update, delete on tables to guichet_server;
alter default privileges for role guichet_owner in schema public grant usage on sequences to guichet_server;
grant create on schema public to guichet_owner;
