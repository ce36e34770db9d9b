# Handler: function.sh.handler
# Receives posted text, and returns it.
respond() { # STATUS; the body is standard input
    jq -Rsc --argjson status "$1" \
        '{statusCode: $status, headers: {"content-type": "application/json"}, body: rtrimstr("\n")}'
}

handler() {
    local method encoded
    method=$(jq -r .requestContext.http.method <<<"$1")
    encoded=$(jq -r .isBase64Encoded <<<"$1")
    if [[ $method != POST ]]; then
        respond 405 <<<'{"error":"only POST"}'
    elif [[ $encoded == true ]]; then
        respond 415 <<<'{"error":"only text"}'
    else
        jq -c '{path: .rawPath, received: .body}' <<<"$1" | respond 201
    fi
}
