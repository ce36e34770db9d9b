# Handler: function.sh.handler
# Runs a command on many instances at the same time, and answers with the result of each.
handler() {
    local instance instances
    mapfile -t instances < <(jq -r '.instances[]' <<<"$1")
    for instance in "${instances[@]}"; do
        { durable context "$instance" -- patch "$instance" || echo "$instance: failed"; } &
    done | sort
}

patch() { # INSTANCE; names count for themselves in each context
    local id
    id=$(durable step send -- send "$1")
    durable until finished --every 30s --timeout 2h --retry-on 1 -- has_finished "$1" "$id"
    echo "$1: patched"
}

send() { # INSTANCE
    aws ssm send-command --instance-ids "$1" --document-name AWS-RunPatchBaseline --parameters Operation=Install \
        --query Command.CommandId --output text
}

has_finished() { # INSTANCE ID; status 1 is for another look
    local status
    status=$(aws ssm get-command-invocation --instance-id "$1" --command-id "$2" --query Status --output text)
    case $status in
        Success) ;;
        Pending | InProgress | Delayed) return 1 ;;
        *) echo "$1: $status" >&2; return 2 ;;
    esac
}
