# Handler: function.sh.handler
# Works on each message, and answers with the ids of those that failed.
accept() { # a message on standard input
    jq -er '"order \(.order // error("no order"))"'
}

handler() {
    local record id
    jq -c '.Records[]' <<<"$1" | while read -r record; do
        id=$(jq -r .messageId <<<"$record")
        jq -r .body <<<"$record" | accept >&2 || echo "$id"
    done | jq -Rnc '{batchItemFailures: [inputs | {itemIdentifier: .}]}'
}
