#!/bin/sh
# Makes the certificates by which the containers of compose.yaml know PostgreSQL, Redis and RabbitMQ,
# and the authority that signed them. Its key is thrown away: nobody can sign another with it.
#
#   deploy/make-certificates.sh           anew, into deploy/secrets; then up --force-recreate
#   deploy/make-certificates.sh FOLDER    into another folder (make-secrets.sh)
set -eu
umask 077
folder=${1:-$(cd "$(dirname "$0")" && pwd)/secrets}
days=3650
[ -d "$folder" ] || { echo "make-certificates: $folder is no folder; run make-secrets.sh first" >&2; exit 1; }
command -v openssl >/dev/null || { echo "make-certificates: install openssl; nothing was made" >&2; exit 1; }

made=$(mktemp -d "$folder/.certificates.XXXXXX")
trap 'rm -rf "$made"' EXIT
trap 'exit 1' HUP INT TERM
cd "$made"

request() { # SUBJECT KEY REQUEST
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -sha256 \
        -subj "/CN=$1" -keyout "$2" -out "$3" 2>messages || { cat messages >&2; exit 1; }
}
sign() { # REQUEST EXTENSIONS CERTIFICATE, and how
    printf '%s\n' "subjectKeyIdentifier=hash" "authorityKeyIdentifier=keyid" "$2" >extensions
    asked=$1 signed=$3
    shift 3
    openssl x509 -req -in "$asked" -days "$days" -sha256 -extfile extensions -out "$signed" "$@" \
        2>messages || { cat messages >&2; exit 1; }
}

request "tradesync servers" authority_key authority_request
sign authority_request "basicConstraints=critical,CA:TRUE
keyUsage=critical,keyCertSign" server_ca -signkey authority_key
for server in postgres redis rabbitmq; do
    names="DNS:$server"
    # One for all nodes of the cluster.
    [ "$server" != redis ] || names=$(printf ',DNS:redis-%s' 1 2 3 4 5 6 | cut -c2-)
    request "$server" "${server}_key" request
    sign request "subjectAltName=$names
extendedKeyUsage=serverAuth,clientAuth" "${server}_certificate" \
        -CA server_ca -CAkey authority_key -CAcreateserial
done
# Containers read them under users of their own; the folder keeps everyone else out.
chmod 0444 server_ca ./*_certificate ./postgres_key ./redis_key ./rabbitmq_key
mv -f server_ca ./*_certificate postgres_key redis_key rabbitmq_key "$folder/"
