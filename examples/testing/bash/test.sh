#!/usr/bin/env bash
# Runs the handler on events as Lambda would, and compares its answers.
set -euo pipefail
cd "$(dirname "$0")"
log=$(mktemp)
trap 'rm "$log"' EXIT
failures=0

check() { # WHAT EVENT ANSWER
    if diff --unified <(echo "$3") <(bootstrap prices.total "$2" 2>"$log"); then
        echo "ok: $1"
    else
        echo "failed: $1"
        cat "$log"
        failures=$((failures + 1))
    fi
}

check_error() { # WHAT EVENT TEXT: the event fails, and the error contains the text
    if ! bootstrap prices.total "$2" >/dev/null 2>"$log" && grep -q "\"errorMessage\":.*$3" "$log"; then
        echo "ok: $1"
    else
        echo "failed: $1"
        cat "$log"
        failures=$((failures + 1))
    fi
}

check 'adds up' '{"items":[{"price":250,"count":2},{"price":100,"count":3}]}' '{"total":800}'
check 'an empty basket costs nothing' '{"items":[]}' '{"total":0}'
check_error 'refuses a price below zero' '{"items":[{"price":-1,"count":1}]}' 'a price below zero'
exit $((failures > 0))
