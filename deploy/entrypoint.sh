#!/bin/sh
# Makes each file in /run/secrets an environment variable, named as the file in upper case, and runs
# the command: "docker inspect", compose.yaml and the image then hold no secret.
set -eu
for file in "${SECRETS_DIR:-/run/secrets}"/*; do
    [ -f "$file" ] || continue
    name=$(basename "$file" | tr '[:lower:]' '[:upper:]')
    case "$name" in
        [0-9]* | *[!A-Z0-9_]*)
            echo "entrypoint: $file cannot name a variable; rename it to letters, digits and _" >&2
            exit 1
            ;;
    esac
    value=$(cat "$file")
    export "$name=$value"
done
exec "$@"
