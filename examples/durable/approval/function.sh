# Handler: function.sh.handler
# Asks for an approval by a link, waits up to a week for it, and then makes the change.
handler() {
    local change answer
    change=$(jq -r .change <<<"$1")
    answer=$(durable callback approval --timeout 7d -- ask "$change") || answer=no
    if [[ $answer == yes ]]; then
        durable step apply -- apply "$change" >/dev/null
        echo "$change: done"
    else
        echo "$change: not approved"
    fi
}

ask() { # CHANGE ID; the id of the callback comes last
    local id
    id=$(jq -rn --arg id "$2" '$id | @uri')
    aws sns publish --topic-arn "$TOPIC" --subject 'Please approve' --message "$1: $LINK?id=$id" >/dev/null
}

apply() { # CHANGE
    aws ssm start-automation-execution --document-name "$1"
}
