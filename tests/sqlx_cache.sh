#!/usr/bin/env bash
# .sqlx/ holds what PostgreSQL said about each query, so that building needs no database.
#
#   tests/sqlx_cache.sh           fails when .sqlx/ is not what this tree's migrations and queries give
#   tests/sqlx_cache.sh --write   writes .sqlx/ anew
#
# Uses the empty database of DATABASE_URL, or a throw-away cluster of its own (pg_virtualenv, in Debian's postgresql-common).
# It does not run the program, which does not build while a query is not yet in the cache.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ -z "${DATABASE_URL:-}" ] && [ -z "${SQLX_CACHE_CLUSTER:-}" ]; then
    command -v pg_virtualenv >/dev/null || {
        echo "no pg_virtualenv: apt-get install -y postgresql, or set DATABASE_URL to an empty database" >&2
        exit 1
    }
    SQLX_CACHE_CLUSTER=1 exec pg_virtualenv -o fsync=off -- "$0" "$@"
fi
export DATABASE_URL="${DATABASE_URL:-postgres://$PGUSER:$PGPASSWORD@$PGHOST:$PGPORT/$PGDATABASE}"

for migration in migrations/*.sql; do
    psql --quiet --no-psqlrc --set ON_ERROR_STOP=1 --single-transaction --file "$migration" "$DATABASE_URL"
done

fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT
touch src/lib.rs # the macros write while they are expanded
SQLX_OFFLINE_DIR="$fresh" SQLX_OFFLINE=false cargo check --locked --all-targets

if [ "${1:-}" = --write ]; then
    mkdir -p .sqlx
    rm -f .sqlx/*.json
    cp "$fresh"/*.json .sqlx/
    echo "wrote $(ls .sqlx | wc -l) queries"
elif diff -r .sqlx "$fresh"; then
    echo "the sqlx cache is current: $(ls .sqlx | wc -l) queries"
else
    echo "the sqlx cache is not current: run tests/sqlx_cache.sh --write" >&2
    exit 1
fi
