#!/bin/sh
# Renew the API token of a CI job, give the new value to a command that stores it, and print the new identifier.
#
#     TOKENRY_URL=https://tokens.example.com TOKENRY_TOKEN=... docs/rotate.sh gh secret set DEPLOY_TOKEN
#
# The command reads the value from its standard input, without a newline. The token needs the scope tokens:renew.
# The old token also works until the overlap ends. If the new token fails or can't be stored, this script revokes it.
# The script needs curl 7.76 or newer, and jq. It never prints the value, and never puts the value on a command line,
# where other users of the machine could read it.
set -eu +x # +x, because a trace (sh -x) would write the value into the log

fail() {
    echo "rotate: $1" >&2
    exit "${2:-1}"
}

# call METHOD PATH TOKEN: print the API's response. On an error, print the problem's detail on standard error, and return
# a status that is not 0. --disable ignores ~/.curlrc: with "verbose" in that file, curl would print the header.
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
