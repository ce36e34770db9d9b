# shellcheck shell=bash
# Durable functions. AWS takes the setting only for a new function, and calls only a version or an alias. An execution
# stays on the version that it began with. So each change is published.

# Whether the options create a durable function, or change its settings.
asks_durable() { on DURABLE || [[ -n ${FUNCTION_EXECUTION_TIMEOUT-}${FUNCTION_RETENTION-} ]]; }

# Whether the function is durable, or will be created so.
is_durable() { on DURABLE || [[ $(field ExecutionTimeout) != null ]]; }

# Sets $seconds to a duration such as 90s, 15m, 12h or 3d. A number without a unit is seconds, as in --timeout.
read_duration() {
    local unit=1
    [[ $1 =~ ^([1-9][0-9]{0,7})([smhdw]?)$ ]] || return 1
    case ${BASH_REMATCH[2]} in m) unit=60 ;; h) unit=3600 ;; d) unit=86400 ;; w) unit=604800 ;; esac
    seconds=$((BASH_REMATCH[1] * unit))
    ((seconds <= longest_execution))
}

# Checks the options.
check_durable_options() {
    local seconds
    [[ -z ${FUNCTION_EXECUTION_TIMEOUT-} ]] || read_duration "$FUNCTION_EXECUTION_TIMEOUT" ||
        misuse "--execution-timeout takes 90s, 15m, 12h or 3d, up to 366 days, not $FUNCTION_EXECUTION_TIMEOUT"
    check_number --retention "${FUNCTION_RETENTION-}" 1 "$longest_retention"
    [[ ${FUNCTION_DURABLE_EXECUTION_NAME:-none} =~ ^[A-Za-z0-9_-]{1,64}$ ]] ||
        misuse "--durable-execution-name takes up to 64 letters, digits, - and _, not $FUNCTION_DURABLE_EXECUTION_NAME"
    ! on DURABLE || ! on STREAM || misuse '--stream is not for durable functions: their answer is kept, not streamed'
}

# Ends if the AWS CLI lacks the settings, before anything is created.
need_durable() {
    local version
    aws lambda create-function --generate-cli-skeleton input 2>"$scratch/problem" | grep '"DurableConfig"' >/dev/null && return
    version=$(aws --version 2>&1) || die 'there is no AWS CLI: install version 2'
    die "${version%% *} does not know durable functions (--durable-config): install AWS CLI 2.32.8 or later, or 1.43.7 or later"
}

# Checks the options against the existing function.
check_durable() {
    asks_durable || return 0
    need_durable
    [[ $(field ExecutionTimeout) == null ]] || return 0
    if [[ -n $function ]]; then
        on DRY_RUN || die "the function $name is no durable one, and AWS makes a function durable only when it is created: choose another --name, or delete it first (manage.sh delete --name $name)"
    else
        on DURABLE || misuse '--execution-timeout and --retention are for durable functions: add --durable'
    fi
}

# AWS replaces the whole configuration at once.
add_durable() {
    local seconds timeout retention value
    asks_durable || return 0
    timeout=$(plain ExecutionTimeout) retention=$(plain RetentionPeriod)
    seconds=${timeout:-$default_execution}
    [[ -z ${FUNCTION_EXECUTION_TIMEOUT-} ]] || read_duration "$FUNCTION_EXECUTION_TIMEOUT"
    [[ $seconds != "$timeout" || ${FUNCTION_RETENTION:-$retention} != "$retention" ]] || return 0
    retention=${FUNCTION_RETENTION:-$retention}
    value="\"ExecutionTimeout\": $seconds${retention:+, \"RetentionPeriodInDays\": $retention}"
    [[ $(field ExecutionKey) == null ]] || value+=", \"KMSKeyArn\": $(field ExecutionKey)"
    setting DurableConfig "{$value}"
}
