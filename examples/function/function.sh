# Handler: function.handler
# The event is $1 and standard input; standard output is the answer, standard error is the log.
handler() {
    local event=$1
    echo "got ${#event} bytes" >&2
    printf '{"statusCode":200,"body":"Hello from Bash, request %s"}\n' "$AWS_LAMBDA_RUNTIME_AWS_REQUEST_ID"
}
