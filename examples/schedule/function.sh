# Handler: function.sh.handler
# Reports on the day before the one of the event: a retry after midnight reports on the same day.
handler() {
    local time
    time=$(jq -r .time <<<"$1")
    date --utc --date="$time - 1 day" '+{"report":"%F"}'
}
