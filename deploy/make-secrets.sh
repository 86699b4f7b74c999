#!/bin/sh
# Makes what compose.yaml reads from deploy/secrets/, once: random passwords, the addresses with them,
# the servers' certificates, and the key that closes the accounts' credentials. Keep a copy of that key
# away from the backups.
#
#   deploy/make-secrets.sh NAME      NAME signs in to Dagster's pages, with a password printed once
set -eu
umask 077
person=${1:?name who signs in to the pages of Dagster}
case "$person" in *[!A-Za-z0-9._@-]*) echo "make-secrets: the name has letters, digits . _ @ -" >&2; exit 1 ;; esac
here=$(cd "$(dirname "$0")" && pwd)
folder=$here/secrets
[ ! -e "$folder" ] || { echo "make-secrets: $folder is there already; nothing was changed" >&2; exit 1; }

random() { head -c 32 /dev/urandom | base64 | tr '+/' '-_' | tr -d '=\n'; }
pages=$(random)
hash=$(printf '%s\n' "$pages" | docker run --rm -i caddy:2.10 caddy hash-password) && [ -n "$hash" ] || {
    echo "make-secrets: docker could not run caddy:2.10, which hashes the password; nothing was made" >&2
    exit 1
}

# All or nothing: the folder gets its name when everything is in it.
made=$(mktemp -d "$folder.XXXXXX")
trap 'rm -rf "$made"' EXIT
trap 'exit 1' HUP INT TERM
cd "$made"
for name in postgres owner app api reader; do random >"${name}_password"; done
random >dagster_pg_password
for role in owner app api; do
    echo "postgresql+psycopg://tradesync_$role:$(cat "${role}_password")@postgres:5432/tradesync" \
        >"${role}_database_url"
done
head -c 32 /dev/urandom | base64 | tr '+/' '-_' >tradesync_secret_keys # a Fernet key
word=$(random)
printf 'requirepass %s\nmasterauth %s\n' "$word" "$word" >redis_conf
echo "rediss://:$word@redis-1:6379/0" >redis_url
word=$(random)
printf 'default_user = tradesync\ndefault_pass = %s\n' "$word" >rabbitmq_conf
echo "amqps://tradesync:$word@rabbitmq:5671/" >rabbitmq_url
echo "$person $hash" >dagster_people
"$here/make-certificates.sh" "$made"
# Containers read them under users of their own; the folder keeps everyone else out.
chmod 0444 ./*
chmod 0700 .
mv "$made" "$folder"
echo "The password of $person for Dagster's pages, shown this once: $pages"
