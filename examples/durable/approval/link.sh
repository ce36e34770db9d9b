# Handler: link.sh.handler, behind a function URL: $LINK of the other function
# A page with two buttons. Only a button sends the answer, because mail programs may open links by themselves.
handler() {
    local id answer
    if [[ $(jq -r .requestContext.http.method <<<"$1") == POST ]]; then
        id=$(field "$1" id) answer=$(field "$1" answer)
        aws lambda send-durable-execution-callback-success --callback-id "$id" \
            --cli-binary-format raw-in-base64-out --result "$answer" >/dev/null
        page <<<'Thank you.'
    else
        page <<<'<form method="post"><button name="answer" value="yes">Approve</button>
            <button name="answer" value="no">Refuse</button></form>'
    fi
}

# A value of the form, or of the form's address.
field() { # EVENT NAME
    jq -r --arg name "$2" '
        (if .isBase64Encoded then .body | @base64d else .body // "" end) as $form
        | (.queryStringParameters // {}) + ([$form | split("&")[] | split("=") | {(.[0]): .[1]}] | add // {})
        | .[$name]' <<<"$1"
}

page() {
    jq -Rsc '{statusCode: 200, headers: {"content-type": "text/html; charset=utf-8"}, body: .}'
}
