# shellcheck shell=bash
# `--set KEY=VALUE`: any setting of the AWS CLI's create-function, by its own model.

# Settings that have their own option, or that this script sets itself.
readonly set_elsewhere='FunctionName:--name Role:--role Handler:--handler MemorySize:--memory Timeout:--timeout
Description:--description Architectures:--arch Environment:--env SnapStart:--snapstart LoggingConfig:--log-format
RuntimeConfig:--runtime Runtime:--runtime ImageConfig:--handler Code:--dir PackageType:--runtime Publish:--snapstart
PublishTo:--snapstart DurableConfig:--durable'

# Reads the settings of a call of the AWS CLI, with empty values; without a call to AWS.
skeleton_of() { # CALL
    aws lambda "$1" --generate-cli-skeleton input 2>"$scratch/problem" | sed -n 's/^    \("[A-Za-z]*": .\).*/\1/p'
}

# Checks KEY=VALUE and adds it as JSON to set_keys and set_values.
add_set() {
    local key=${1%%=*} value=${1#*=} option kind
    [[ $1 == *=* && $key =~ ^[A-Z][A-Za-z0-9]+$ ]] ||
        misuse "--set takes KEY=VALUE, with a KEY of AWS's create-function such as VpcConfig, not $1"
    for option in $set_elsewhere; do
        [[ $option != "$key:"* ]] || misuse "--set $key has an option of its own: ${option#*:}"
    done
    [[ -n ${create_skeleton-} ]] || create_skeleton=$(skeleton_of create-function)
    [[ -n $create_skeleton ]] || { problem=$(<"$scratch/problem") last_call=$(spell aws lambda create-function); fail; }
    kind=$(sed -n "s/^\"$key\": //p" <<<"$create_skeleton")
    case $kind in
        '"') value=$(json "$value") ;;
        '') misuse "--set $key: the AWS CLI here knows no such setting of a function (aws lambda create-function --generate-cli-skeleton)" ;;
    esac
    set_keys+=("$key") set_values+=("$value")
}

# Lets the AWS CLI check the settings against its own model, before anything is created. AWS is not called: if the
# settings are valid, the call fails at a closed port.
check_set() {
    local i input='"FunctionName": "f", "Role": "arn:aws:iam::123456789012:role/r", "Code": {"ImageUri": "i"}'
    ((${#set_keys[@]})) || return 0
    for ((i = 0; i < ${#set_keys[@]}; i++)); do input+=", \"${set_keys[i]}\": ${set_values[i]}"; done
    printf '{%s}\n' "$input" >"$scratch/checked.json"
    AWS_MAX_ATTEMPTS=1 aws lambda create-function --cli-input-json "file://$scratch/checked.json" --no-sign-request \
        --region "${AWS_REGION:-us-east-1}" --endpoint-url http://127.0.0.1:9 >/dev/null 2>"$scratch/problem" || true
    ! grep -qE 'connect to the endpoint|Connection was closed|timed out' "$scratch/problem" || return 0
    problem=$(grep -v '^ *$' "$scratch/problem" | head -n 5)
    misuse "--set: $problem"
}

# The fields to read of the function, so that an equal setting is not set again.
fields_of_set() {
    local i value there
    # shellcheck disable=SC2016 # backticks of JMESPath
    for ((i = 0; i < ${#set_keys[@]}; i++)); do
        value="\`${set_values[i]//\`/\\\`}\`"
        there="Configuration.${set_keys[i]}"
        case ${set_values[i]} in
            '{'*) printf ', Same%s: merge(%s || `{}`, %s) == %s' "${set_keys[i]}" "$there" "$value" "$there" ;;
            *) printf ', Same%s: (%s[].Arn || %s) == %s' "${set_keys[i]}" "$there" "$there" "$value" ;;
        esac
    done
}

# Adds differing settings to the input of a call.
add_set_settings() {
    local i key
    ((${#set_keys[@]})) || return 0
    for ((i = 0; i < ${#set_keys[@]}; i++)); do
        key=${set_keys[i]}
        [[ $(field "Same$key") != true ]] || continue
        if [[ -n $function ]]; then
            [[ -n ${update_skeleton-} ]] || update_skeleton=$(skeleton_of update-function-configuration)
            if [[ $newline$update_skeleton != *"$newline\"$key\": "* ]]; then
                say "--set $key: a function takes it when it is made; $name keeps its own"
                continue
            fi
        fi
        setting "$key" "${set_values[i]}"
    done
}
