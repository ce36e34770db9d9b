# Handler: function.sh.handler
# Makes a snapshot of a database, and answers when it is available: hours later, and nothing runs meanwhile.
handler() {
    local database snapshot
    database=$(jq -r .database <<<"$1")
    # a step, because the time differs in each replay
    snapshot=$(durable step name -- date "+$database-%Y-%m-%d-%H-%M-%S")
    durable step create --retry 5 -- create "$snapshot" "$database"
    durable until available --every 1m --timeout 12h --retry-on 1 -- is_available "$snapshot"
    echo "$snapshot"
}

create() { # SNAPSHOT DATABASE; a second attempt finds the snapshot of the first one
    [[ -n $(status_of "$1" 2>/dev/null) ]] ||
        aws rds create-db-snapshot --db-snapshot-identifier "$1" --db-instance-identifier "$2" >/dev/null
}

is_available() { # SNAPSHOT; status 1 is for another look, any other one ends the wait
    local status
    status=$(status_of "$1")
    case $status in
        available) ;;
        creating) return 1 ;;
        *) echo "the snapshot $1 is $status" >&2; return 2 ;;
    esac
}

status_of() {
    aws rds describe-db-snapshots --db-snapshot-identifier "$1" --query 'DBSnapshots[0].Status' --output text
}
