#!/bin/sh
# Renews the API token of a CI job, hands the new value to a command that stores it, and says so once it works.
#
#     TOKENRY_URL=https://tokens.example.com TOKENRY_TOKEN=... docs/rotate.sh gh secret set DEPLOY_TOKEN
#
# The command reads the value from its standard input, without a newline. The token needs the scope tokens:renew.
# Until the overlap ends the old one works too; where the new one fails or can't be stored, it is ended again.
# Needs curl 7.76 or newer, and jq. The value is never printed, and never on a command line, where others could read it.
set -eu +x # nor traced: whoever runs this with -x would have it in the log

fail() {
    echo "rotate: $1" >&2
    exit "${2:-1}"
}

# call METHOD PATH TOKEN: prints what the API answers. A refusal's detail goes to standard error, and the status is not 0.
# --disable, because a ~/.curlrc that says "verbose" would print the header.
call() {
    answer=$(printf 'Authorization: Bearer %s\n' "$3" |
        curl --disable --silent --show-error --fail-with-body --max-time 30 \
            --request "$1" --header @- "${TOKENRY_URL%/}/api/v1/$2") || {
        printf '%s' "$answer" | jq --raw-output '.detail // empty' >&2 2>/dev/null
        return 1
    }
    printf '%s' "$answer"
}

[ $# -gt 0 ] || fail "give the command that stores the value from its standard input" 2
[ "${TOKENRY_URL:-}" ] || fail "TOKENRY_URL is not set" 2
[ "${TOKENRY_TOKEN:-}" ] || fail "TOKENRY_TOKEN is not set" 2

renewed=$(call POST token/renew "$TOKENRY_TOKEN") || fail "not renewed"
new=$(printf '%s' "$renewed" | jq --exit-status --raw-output .token) || fail "the answer holds no token"

if facts=$(call GET token "$new") && printf '%s' "$new" | "$@"; then
    printf '%s' "$facts" | jq --raw-output '"rotate: \(.identifier) is stored and works until \(.expires_at)"'
elif call DELETE token "$new"; then
    fail "the new token failed or was not stored, so it is revoked; renew again while the old one works"
else
    fail "the new token failed or was not stored, and could not be revoked: revoke it on its page"
fi
