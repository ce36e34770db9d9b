#!/usr/bin/env bash
# Tests the handler without AWS: test.sh [HANDLER]. `aws` is a stub that records its calls.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

handler=${1:-function.sh.handler}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export CALLS=$folder/calls TOPIC=topic LINK=https://link.example/
cat >"$folder/aws" <<'AWS'
#!/usr/bin/env bash
printf '%s\n' "$*" >>"$CALLS"
AWS
chmod +x "$folder/aws"
export PATH=$folder:$PATH

check() { # NAME CONDITION...
    local name=$1
    shift
    if "$@"; then echo "ok: $name"; else echo "failed: $name"; cat "$folder/log"; exit 1; fi
}

run() {
    bootstrap --durable --state "$folder/state" "$handler" '{"change": "resize"}' 2>"$folder/log"
}

ask() { # until the question is sent: the run ends with status 75
    rm -f "$folder/state" "$CALLS"
    local status=0
    run >/dev/null || status=$?
    [[ $status == 75 ]]
}

check 'waits for an answer' ask
check 'sends a link' grep -q 'resize: https://link.example/?id=' "$CALLS"
bootstrap durable answer "$folder/state" approval yes >"$folder/log"
check 'makes the change when it is approved' [ "$(run)" = 'resize: done' ]
check 'has asked once' [ "$(grep -c 'sns publish' "$CALLS")" = 1 ]
check 'has made it once' [ "$(grep -c start-automation-execution "$CALLS")" = 1 ]

check 'waits for another answer' ask
bootstrap durable answer "$folder/state" approval no >"$folder/log"
check 'leaves it when it is refused' [ "$(run)" = 'resize: not approved' ]

ask
bootstrap durable answer "$folder/state" approval --error Denied 'by Ada' >"$folder/log"
check 'takes an error for a refusal' [ "$(run)" = 'resize: not approved' ]
check 'has changed nothing' [ "$(grep -c start-automation-execution "$CALLS")" = 0 ]

# the page behind the link
page() { # METHOD
    bootstrap link.sh.handler "{\"requestContext\": {\"http\": {\"method\": \"$1\"}},
        \"queryStringParameters\": {\"id\": \"a+b/c=\"}, \"body\": \"answer=yes\"}" 2>"$folder/log"
}
rm "$CALLS"
check 'shows a page' [ "$(page GET | jq -r .statusCode)" = 200 ]
check 'which answers nothing by itself' [ ! -e "$CALLS" ]
check 'answers the callback' [ "$(page POST | jq -r .body)" = 'Thank you.' ]
check 'by its id' grep -qx \
    'lambda send-durable-execution-callback-success --callback-id a+b/c= .* --result yes' "$CALLS"
