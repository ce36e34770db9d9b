# Handler: function.sh.handler
# Lists the objects that an event is about.
decode() { # KEY: `+` is a space, `%2B` a plus
    local key=${1//+/ }
    printf '%b' "${key//%/\\x}"
}

handler() {
    local bucket key
    jq -r '.Records[].s3 | "\(.bucket.name) \(.object.key)"' <<<"$1" | while read -r bucket key; do
        echo "s3://$bucket/$(decode "$key")"
    done | jq -Rnc '{objects: [inputs]}'
}
