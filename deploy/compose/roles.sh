#!/bin/sh
# Run once by PostgreSQL's image on a new cluster, as the owner: the server's role, which reads and writes rows and no more.
set -eu
psql --set=ON_ERROR_STOP=1 --username="$POSTGRES_USER" --dbname="$POSTGRES_DB" --set=password="$(cat /run/secrets/server-password)" <<'SQL'
create role guichet_server login password :'password';
alter default privileges in schema public grant select, insert, update, delete on tables to guichet_server;
alter default privileges in schema public grant usage on sequences to guichet_server;
-- of the functions only two do what rows do not: making and dropping tables of tokens
alter default privileges in schema public grant execute on functions to guichet_server;
SQL
