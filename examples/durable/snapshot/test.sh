#!/usr/bin/env bash
# Tests the handler without AWS: test.sh [HANDLER]. `aws` is a stub, and waits take no time.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

handler=${1:-function.sh.handler}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export CALLS=$folder/calls

cat >"$folder/aws" <<'AWS'
#!/usr/bin/env bash
# A snapshot is available at the third check after it was made, or has failed.
case $2 in
    create-db-snapshot) echo create >>"$CALLS" ;;
    describe-db-snapshots)
        grep -qs create "$CALLS" || exit 254
        echo look >>"$CALLS"
        (($(grep -c look "$CALLS") < 3)) && echo creating || echo "$END" ;;
esac
AWS
chmod +x "$folder/aws"
export PATH=$folder:$PATH

run() { # END
    rm -f "$CALLS"
    END=$1 bootstrap --durable --skip-time --replay-each "$handler" '{"database": "orders"}' 2>"$folder/log"
}

check() { # NAME CONDITION...
    local name=$1
    shift
    if "$@"; then echo "ok: $name"; else echo "failed: $name"; cat "$folder/log"; exit 1; fi
}

answer=$(run available) || true
check 'answers with the name of the snapshot' [ "${answer#orders-}" != "$answer" ]
check 'makes one snapshot, however often it is replayed' [ "$(grep -c create "$CALLS")" = 1 ]
check 'looks until it is there' [ "$(grep -c look "$CALLS")" = 3 ]
status=0
run failed >/dev/null || status=$?
check 'fails where the snapshot has failed' [ "$status" = 1 ]
check 'says why' grep -q 'the snapshot orders-.* is failed' "$folder/log"
