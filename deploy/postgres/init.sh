#!/bin/sh
# Runs once, when PostgreSQL's data folder is new: the roles with their passwords, Dagster's database.
set -eu
cd "${SECRETS_DIR:-/run/secrets}"
run() { psql --quiet --no-psqlrc --set=ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" "$@"; }
password() { # of a role, from a file; psql quotes it
    run --dbname postgres --set=role="$1" --set=password="$(cat "$2")" <<'SQL'
ALTER ROLE :"role" PASSWORD :'password';
SQL
}

run --dbname "$POSTGRES_DB" --file "${DEPLOY_DIR:-/deploy}/roles.sql"
for role in owner app api reader; do
    password "tradesync_$role" "${role}_password"
done
run --dbname postgres <<'SQL'
CREATE ROLE dagster LOGIN;
CREATE DATABASE dagster OWNER dagster;
REVOKE ALL ON DATABASE dagster FROM PUBLIC;
SQL
password dagster dagster_pg_password
