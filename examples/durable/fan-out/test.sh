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
# Each instance has finished at the second check; i-2 has failed, and i-0 does not exist.
case $2 in
    send-command)
        echo "send $4" >>"$CALLS"
        [[ $4 != i-0 ]] || exit 254
        echo "id-of-$4" ;;
    get-command-invocation)
        [[ $6 == "id-of-$4" ]] || exit 254
        echo "look $4" >>"$CALLS"
        if (($(grep -c "look $4" "$CALLS") < 2)); then echo InProgress; elif [[ $4 == i-2 ]]; then echo Failed; else echo Success; fi ;;
esac
AWS
chmod +x "$folder/aws"
export PATH=$folder:$PATH

check() { # NAME CONDITION...
    local name=$1
    shift
    if "$@"; then echo "ok: $name"; else echo "failed: $name"; cat "$folder/log"; exit 1; fi
}

answer=$(bootstrap --durable --skip-time "$handler" '{"instances": ["i-0", "i-1", "i-2", "i-3"]}' 2>"$folder/log") || true
check 'answers how each has ended' [ "$answer" = $'i-0: failed\ni-1: patched\ni-2: failed\ni-3: patched' ]
check 'sends each command once' [ "$(grep -c send "$CALLS")" = 4 ]
check 'looks at each twice' [ "$(grep -c look "$CALLS")" = 6 ]
