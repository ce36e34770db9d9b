#!/usr/bin/env bash
# Deploys a folder of handlers to AWS Lambda, as a container image or as a zip file for a customer-managed runtime. See
# `manage.sh --help`. Needs Bash 3.2 (macOS) or later, AWS CLI v2 or v1, and for building images Docker with buildx.
#
# Every step first checks the current state and makes only missing changes, so the same command continues after a
# failure. Secrets are passed to the AWS CLI in files of a private directory, and to docker on standard input, never as
# arguments.
set -euo pipefail

self=$0
while [[ -L $self ]]; do
    linked=$(readlink "$self")
    case $linked in /*) self=$linked ;; *) self=$(dirname "$self")/$linked ;; esac
done
parts=$(cd "$(dirname "$self")/manage" && pwd)
# shellcheck source=manage/call.sh
. "$parts/call.sh"
# shellcheck source=manage/limits.sh
. "$parts/limits.sh"
# shellcheck source=manage/set.sh
. "$parts/set.sh"
# shellcheck source=manage/zip.sh
. "$parts/zip.sh"
# shellcheck source=manage/runtime.sh
. "$parts/runtime.sh"
# shellcheck source=manage/function.sh
. "$parts/function.sh"
# shellcheck source=manage/durable.sh
. "$parts/durable.sh"
# shellcheck source=manage/settings.sh
. "$parts/settings.sh"
# shellcheck source=manage/image.sh
. "$parts/image.sh"
# shellcheck source=manage/url.sh
. "$parts/url.sh"
# shellcheck source=manage/handler.sh
. "$parts/handler.sh"
# shellcheck source=manage/policy.sh
. "$parts/policy.sh"
# shellcheck source=manage/use.sh
. "$parts/use.sh"

usage() {
    cat <<'EOF'
manage.sh COMMAND [OPTION]...   ships a folder of handlers to AWS Lambda
  push    build the image, push it to ECR    create  make or change the function
  deploy  push, then create or update        update  the same as create
  invoke  send an event, show the answer     logs    show the function's log
  delete  the function; with --all also the repository, log group and role made
  publish-runtime promote-runtime list-runtimes delete-runtime restore-runtime
Each option is a variable too: --log-format is FUNCTION_LOG_FORMAT, and --yes is
FUNCTION_YES=1. Without it a setting stays as it is, a new one is (in brackets).
  --name NAME       function (the folder's)   --dir DIR       with handlers (.)
  --base IMAGE      to begin the image from   --target STAGE  of the Dockerfile
  --arch x86_64|arm64     (this machine's)    --tag TAG       of image (latest)
  --repository NAME (the function's)          --immutable     tags of a new one
  --runtime ARN|NAME a zip on it, no image    --runtime-alias ALIAS    (stable)
  --pin VERSION|auto  --runtime-version VERSION  --variant NAME  --days N (30)
  --role NAME|ARN   (NAME-role, made)         --role-wait SECONDS  for it (60)
  --policy FILE     what NAME-role may do     --print-policy  of deployers; end
  --handler HANDLER (the image's CMD)         --memory MB (512, PowerShell 1024)
  --env NAME=VALUE  many; just NAME: as here  --timeout SECONDS    (30)
  --set KEY=VALUE   of create-function, many  --capacity-provider ARN
  --description TEXT --release-notes FILE --log-format Text|JSON  --stream
  --log-level LEVEL --url AWS_IAM|NONE --snapstart publish --alias ALIAS (live)
  --durable  and publish   --execution-timeout 12h|3d  (1d)   --retention DAYS
  --event TEXT|@FILE|- ({})  --async  no waiting   --durable-execution-name NAME
  --region REGION --profile PROFILE --since MIN (10)  --follow --yes --dry-run
EOF
}

# Adds NAME=VALUE, or NAME with the value of the variable here.
add_variable() {
    local key=${1%%=*} value
    [[ $key =~ ^[A-Za-z][A-Za-z0-9_]+$ ]] || misuse '--env takes NAME=VALUE with a NAME of two or more letters, digits and _'
    if [[ $1 == *=* ]]; then
        value=${1#*=}
    else
        [[ -n ${!key+set} ]] || misuse "--env $key: there is no such variable here to take the value from"
        value=${!key}
    fi
    variable_names+=("$key")
    variable_values+=("$value")
    hide "$value"
}

# Reads options, which override their variables.
parse() {
    local option value line
    while IFS= read -r line; do
        [[ -z $line ]] || add_variable "$line"
    done <<<"${FUNCTION_ENV-}"
    while IFS= read -r line; do
        [[ -z $line ]] || asked_set+=("$line")
    done <<<"${FUNCTION_SET-}"
    while (($#)); do
        option=$1
        shift
        case $option in
            -h | --help) usage; exit 0 ;;
            --immutable | --stream | --snapstart | --durable | --async | --follow | --all | --yes | --print-policy | --dry-run) value=1 ;;
            --name | --dir | --base | --target | --arch | --tag | --repository | --role | --role-wait | --handler | \
                --runtime | --runtime-alias | --runtime-version | --pin | --variant | --release-notes | --days | --set | --capacity-provider | \
                --execution-timeout | --retention | --durable-execution-name | --memory | --env | --timeout | --description | --log-format | --log-level | --policy | --url | --alias | --event | --since | --region | --profile)
                (($#)) || misuse "$option needs a value"
                value=$1
                shift ;;
            --*=*) set -- "${option%%=*}" "${option#*=}" "$@"; continue ;;
            -*) misuse "there is no option $option" ;;
            *) [[ -z $command ]] || misuse "one command at a time, not $command and $option"
                command=$option
                continue ;;
        esac
        case $option in
            --env) add_variable "$value" ;;
            --set) asked_set+=("$value") ;;
            --region) AWS_REGION=$value ;;
            --profile)
                # as in the AWS CLI, the option overrides keys in the environment
                unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN
                export AWS_PROFILE=$value ;;
            *) printf -v "FUNCTION_$(tr '[:lower:]-' '[:upper:]_' <<<"${option#--}")" '%s' "$value" ;;
        esac
    done
}

check_number() { # OPTION VALUE LEAST MOST
    [[ -n $2 ]] || return 0
    if [[ ! $2 =~ ^[1-9][0-9]{0,5}$ ]] || (($2 < $3 || $2 > $4)); then misuse "$1 takes a number from $3 to $4, not $2"; fi
}

check() {
    local flag
    for flag in IMMUTABLE STREAM SNAPSTART DURABLE ASYNC FOLLOW ALL YES PRINT_POLICY DRY_RUN; do
        flag=FUNCTION_$flag
        case ${!flag-} in '' | 0 | 1) ;; *) misuse "$flag is 1 or 0, not ${!flag}" ;; esac
    done
    if [[ -n ${FUNCTION_CAPACITY_PROVIDER-} ]]; then
        [[ $FUNCTION_CAPACITY_PROVIDER == arn:*:capacity-provider:* ]] ||
            misuse "--capacity-provider takes the provider's ARN, not $FUNCTION_CAPACITY_PROVIDER"
        check_number --memory "${FUNCTION_MEMORY-}" 128 "$most_managed_memory"
        check_number --timeout "${FUNCTION_TIMEOUT-}" 1 "$longest_managed_timeout"
    else
        check_number --memory "${FUNCTION_MEMORY-}" 128 "$most_memory"
        check_number --timeout "${FUNCTION_TIMEOUT-}" 1 "$longest_timeout"
    fi
    check_durable_options
    check_number --days "${FUNCTION_DAYS-}" 7 30
    check_number --role-wait "${FUNCTION_ROLE_WAIT-}" 1 600
    check_number --since "${FUNCTION_SINCE-}" 1 100000
    case ${FUNCTION_ARCH-} in amd64) FUNCTION_ARCH=x86_64 ;; aarch64) FUNCTION_ARCH=arm64 ;; esac
    case ${FUNCTION_ARCH-} in '' | x86_64 | arm64) ;; *) misuse "--arch is x86_64 or arm64, not $FUNCTION_ARCH" ;; esac
    case ${FUNCTION_LOG_FORMAT-} in
        '' | Text | JSON) ;;
        *) misuse "--log-format is Text or JSON, not $FUNCTION_LOG_FORMAT" ;;
    esac
    case ${FUNCTION_LOG_LEVEL-} in
        '' | TRACE | DEBUG | INFO | WARN | ERROR | FATAL) ;;
        *) misuse "--log-level is TRACE, DEBUG, INFO, WARN, ERROR or FATAL, not $FUNCTION_LOG_LEVEL" ;;
    esac
    if [[ -n ${FUNCTION_POLICY-} ]]; then
        [[ -r $FUNCTION_POLICY ]] || misuse "there is no file $FUNCTION_POLICY to read the policy from"
        [[ -z ${FUNCTION_ROLE-} ]] || misuse '--policy is for the role that is made here, not for the one of --role'
    fi
    case ${FUNCTION_URL-} in
        '' | AWS_IAM | NONE) ;;
        *) misuse "--url is AWS_IAM (signed requests) or NONE (for everybody), not $FUNCTION_URL" ;;
    esac
    case $command in
        *-runtime | *-runtimes) [[ $command == list-runtimes && -z ${FUNCTION_RUNTIME-} ]] || check_runtime_names ;;
        *)
            [[ -d $dir ]] || misuse "there is no folder $dir"
            [[ -z ${FUNCTION_RUNTIME-} ]] || check_runtime_names
            [[ $name =~ ^[A-Za-z0-9_-]{1,64}$ ]] || misuse "--name takes up to 64 letters, digits, - and _, not $name" ;;
    esac
    [[ ${FUNCTION_REPOSITORY:-none} =~ ^[a-z0-9]+([._/-][a-z0-9]+)*$ && ${FUNCTION_REPOSITORY:-none} == ??* ]] ||
        misuse "--repository takes two or more small letters and digits, with single . _ - and / between them, not $FUNCTION_REPOSITORY"
}

# Converts a name for Lambda into a name for ECR.
repository_of() {
    local text
    text=$(LC_ALL=C tr '[:upper:]' '[:lower:]' <<<"$1" | LC_ALL=C sed -E 's/[^a-z0-9]*([-_.])[^a-z0-9]+/\1/g; s/^[^a-z0-9]+//; s/[^a-z0-9]+$//')
    [[ -n $text ]] || misuse "no repository of ECR can be named after $1: give one with --repository"
    ((${#text} > 1)) || text+=-function
    printf '%s' "$text"
}

main() {
    command='' repository='' variable_names=() variable_values=() secrets=() asked_set=() set_keys=() set_values=()
    parse "$@"
    case ${FUNCTION_STREAM-} in
        1) variable_names+=(SCRIPT_RUNTIME_RESPONSE_MODE) variable_values+=(streaming) ;;
        0) variable_names+=(SCRIPT_RUNTIME_RESPONSE_MODE) variable_values+=(buffered) ;;
    esac
    dir=${FUNCTION_DIR:-.}
    name=${FUNCTION_NAME-}
    if [[ -z $name && -d $dir ]]; then
        name=$(cd "$dir" && basename "$PWD" | LC_ALL=C sed -E 's/[^A-Za-z0-9_-]+/-/g; s/-+/-/g; s/^-//; s/-$//')
        name=${name:0:64}
    fi
    check
    case $command in *-runtime) name=runtime/${FUNCTION_RUNTIME##*runtime/} repository=${name#*/}-runtime ;; esac
    own_role=${name:0:59}-role
    repository=${FUNCTION_REPOSITORY:-${repository:-$(repository_of "$name")}}
    tag=${FUNCTION_TAG:-latest}
    alias=${FUNCTION_ALIAS:-live}
    scratch=$(umask 077 && mktemp -d)
    trap 'rm -rf "$scratch"' EXIT
    export AWS_PAGER='' # version 2 would show answers in a pager
    if [[ -n ${AWS_REGION-} ]]; then
        export AWS_REGION AWS_DEFAULT_REGION=$AWS_REGION # version 1 reads only the second
    fi

    local asked
    for asked in ${asked_set[@]+"${asked_set[@]}"}; do add_set "$asked"; done
    if [[ -n ${FUNCTION_CAPACITY_PROVIDER-} ]]; then
        set_keys+=(CapacityProviderConfig)
        set_values+=("{\"LambdaManagedInstancesCapacityProviderConfig\": {\"CapacityProviderArn\": \"$FUNCTION_CAPACITY_PROVIDER\"}}")
    fi
    if on PRINT_POLICY; then
        print_policy
        exit
    fi
    case $command in
        push)
            [[ -n ${FUNCTION_ARCH-} ]] || look_at_function
            push
            on DRY_RUN || printf '%s\n' "$repository_uri@$digest" ;;
        create | update | deploy)
            look_at_function
            check_function
            case $kind:$command in
                zip:*) ;;
                *:deploy) push ;;
                *) use_pushed_image ;;
            esac
            settle_function ;;
        invoke | logs | delete) "$command" ;;
        publish-runtime | promote-runtime | list-runtimes | delete-runtime | restore-runtime)
            need_runtimes
            "${command//-/_}" ;;
        '') usage >&2; exit 2 ;;
        *) misuse "there is no command $command" ;;
    esac
}

main "$@"
