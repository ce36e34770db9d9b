# shellcheck shell=bash
# The input of a call that creates or changes the function: JSON with the requested settings that differ.

readonly newline=$'\n'

# A text as a JSON string, escaped as by the AWS CLI.
json() {
    local text=$1 code char escape
    text=${text//\\/\\\\}
    text=${text//\"/\\\"}
    text=${text//$newline/\\n}
    text=${text//$'\t'/\\t}
    text=${text//$'\r'/\\r}
    text=${text//$'\b'/\\b}
    text=${text//$'\f'/\\f}
    if [[ $text == *[[:cntrl:]]* ]]; then
        for ((code = 1; code < 32; code++)); do
            printf -v char '%b' "\\0$(printf '%03o' "$code")"
            printf -v escape '\\u%04x' "$code"
            text=${text//"$char"/$escape}
        done
    fi
    printf '"%s"' "$text"
}

# Begins an input; adds to it (a dry run shows the third argument instead of the second); makes the call with it.
begin_settings() { settings="\"FunctionName\": $(json "$name")" shown_settings=$settings; }
setting() {
    settings+=", \"$1\": $2"
    shown_settings+=", \"$1\": ${3-$2}"
}
call_with_settings() {
    local input="{$shown_settings}"
    if ! on DRY_RUN; then
        printf '{%s}\n' "$settings" >"$scratch/settings.json"
        input=file://$scratch/settings.json
    fi
    call aws lambda "$1" --cli-input-json "$input" "${@:2}" --query FunctionArn --output text
}

# Adds a setting of the function if it is requested and differs.
changed_setting() { # NAME WANTED FIELD
    [[ -z $2 || $(field "${3-$1}") == "$2" ]] || setting "$1" "$2"
}

add_configuration() {
    local value
    changed_setting MemorySize "${FUNCTION_MEMORY-}"
    changed_setting Timeout "${FUNCTION_TIMEOUT-}"
    changed_setting Description "${FUNCTION_DESCRIPTION+$(json "$FUNCTION_DESCRIPTION")}"
    if [[ $kind == zip ]]; then
        add_runtime
        changed_setting Handler "${FUNCTION_HANDLER:+$(json "$FUNCTION_HANDLER")}"
    else
        add_handler
    fi
    add_logging
    if on SNAPSTART && [[ $(plain SnapStart) != PublishedVersions ]]; then
        setting SnapStart '{"ApplyOn": "PublishedVersions"}'
    fi
    add_durable
    ((${#variable_names[@]} == 0)) || add_environment
    add_set_settings
}

# The runtime of a function with a zip file.
add_runtime() {
    [[ -n ${FUNCTION_RUNTIME-} ]] || return 0
    [[ $(plain Runtime):$(plain RuntimeArn):$(plain RuntimeAlias) != "custom:$runtime_arn:$FUNCTION_RUNTIME_ALIAS" ]] || return 0
    setting Runtime '"custom"'
    setting RuntimeConfig "{\"RuntimeArn\": \"$runtime_arn\", \"RuntimeAlias\": \"$FUNCTION_RUNTIME_ALIAS\"}"
}

check_logging() {
    local format
    format=$(plain LogFormat)
    [[ ${FUNCTION_LOG_FORMAT:-$format} == JSON || -z ${FUNCTION_LOG_LEVEL-} ]] ||
        die '--log-level is for logs in JSON: add --log-format JSON'
}

check_environment() {
    ((${#variable_names[@]} == 0)) || [[ $(field EnvironmentError) == null ]] ||
        die "the function's variables cannot be read, and a change would lose them: $(plain EnvironmentError)"
}

# AWS replaces the whole configuration at once.
add_logging() {
    local format level value
    format=$(plain LogFormat) level=$(plain LogLevel)
    format=${FUNCTION_LOG_FORMAT:-$format}
    value=${FUNCTION_LOG_LEVEL:-$level}
    if [[ -n ${FUNCTION_LOG_FORMAT-} && $(plain LogFormat) != "$format" || "$value" != "$level" ]]; then
        if [[ $format == JSON && -n $value ]]; then value=", \"ApplicationLogLevel\": \"$value\""; else value=''; fi
        value="\"LogFormat\": \"$format\"$value"
        [[ $(field LogGroup) == null ]] || value+=", \"LogGroup\": $(field LogGroup)"
        setting LoggingConfig "{$value}"
    fi
}

# The handler is the image's command; AWS replaces the whole image configuration at once.
add_handler() {
    [[ -n ${FUNCTION_HANDLER-} ]] || return 0
    local value entry_point
    value=$(json "$FUNCTION_HANDLER")
    [[ $(field Command) != "$value" || $(field MoreCommand) != null ]] || return 0
    value="\"Command\": [$value]"
    entry_point=$(field EntryPoint) # a JSON text in a JSON string
    if [[ $entry_point == '"['* && $entry_point != '"[]"' ]]; then
        entry_point=${entry_point:1:${#entry_point}-2}
        entry_point=${entry_point//\\\"/\"}
        value+=", \"EntryPoint\": ${entry_point//\\\\/\\}"
    fi
    [[ $(field WorkingDirectory) == null ]] || value+=", \"WorkingDirectory\": $(field WorkingDirectory)"
    setting ImageConfig "{$value}"
}

# Adds the given variables to the existing ones; AWS replaces all variables at once.
add_environment() {
    local there all line key i changed=0
    there=$(sed -n 's/^        \("[A-Za-z0-9_]*": ".*"\),\{0,1\}$/\1/p' <<<"$function")
    all=$there
    for ((i = 0; i < ${#variable_names[@]}; i++)); do
        key="\"${variable_names[i]}\": "
        line=$key$(json "${variable_values[i]}")
        all=$(sed -e "/^$key/d" -e '/^$/d' <<<"$all")
        all+=${all:+$newline}$line
    done
    while IFS= read -r line; do
        [[ $newline$there$newline == *"$newline$line$newline"* ]] || changed=1
        key=${line#*: \"}
        hide "${key%\"}"
    done <<<"$all"
    ((changed == 0)) || setting Environment "{\"Variables\": {${all//$newline/, }}}" \
        "{\"Variables\": {$(sed -e 's/": ".*/": "***"/' -e '$!s/$/, /' <<<"$all" | tr -d '\n')}}"
}
