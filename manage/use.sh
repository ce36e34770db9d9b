# shellcheck shell=bash
# Uses an existing function: invokes it, reads its log, deletes it.

invoke() {
    local event=${FUNCTION_EVENT-"{}"} qualifier=${FUNCTION_ALIAS-} error version log execution
    if on SNAPSTART || on DURABLE; then qualifier=$alias; fi
    if [[ -n ${FUNCTION_DURABLE_EXECUTION_NAME-} ]]; then
        need_durable
        qualifier=$alias
    fi
    case $event in
        -) event=$scratch/event; on DRY_RUN || cat >"$event" ;;
        @*) event=${event#@}; [[ -r $event ]] || misuse "there is no file $event to read the event from" ;;
        *) printf '%s' "$event" >"$scratch/event"; event=$scratch/event ;;
    esac
    export AWS_MAX_ATTEMPTS=1 # an event is sent only once, however long its answer takes
    if ! send_event; then
        # Lambda refuses this call of a durable function, and nothing has begun
        [[ -z $qualifier && $problem == *"durable function using an unqualified ARN"* ]] || fail
        qualifier=$alias
        send_event || fail
    fi
    ! on DRY_RUN || return 0
    IFS=$'\t' read -r error version log execution <<<"$reply"
    if on ASYNC; then
        say "$name has received the event; not waiting for its answer"
        [[ $execution == None ]] || printf '%s\n' "$execution"
        return
    fi
    [[ $execution == None ]] || say "durable execution: $execution"
    if [[ $log != None ]]; then
        say "log tail of version $version:"
        # the second form is for macOS before 13
        { base64 --decode <<<"$log" 2>/dev/null || base64 -D <<<"$log"; } >&2
    fi
    if [[ $error != None ]]; then
        say "function error, $error:"
        cat "$scratch/answer" >&2
        printf '\n' >&2
        ! grep -Eq 'InvalidEntrypoint|exec format error' "$scratch/answer" ||
            say 'to do: deploy an image for the architecture of the function: --arch'
        exit 1
    fi
    cat "$scratch/answer"
    [[ ! -t 1 ]] || echo
}

# Calls the function with $event, by its name and $qualifier.
send_event() {
    local -a how=(--log-type Tail --cli-read-timeout 0)
    ! on ASYNC || how=(--invocation-type Event)
    [[ -z ${FUNCTION_DURABLE_EXECUTION_NAME-} ]] || how+=(--durable-execution-name "$FUNCTION_DURABLE_EXECUTION_NAME")
    call aws lambda invoke --function-name "$name" ${qualifier:+--qualifier "$qualifier"} "${how[@]}" \
        --payload "fileb://$event" --query '[FunctionError,ExecutedVersion,LogResult,DurableExecutionArn]' \
        --output text "$scratch/answer"
}

logs() {
    local group=/aws/lambda/$name start newest seen=''
    if find_function && [[ $(field LogGroup) != null ]]; then group=$(plain LogGroup); fi
    start=$((($(date +%s) - ${FUNCTION_SINCE:-10} * 60) * 1000))
    newest=$start
    while true; do
        if lookup ResourceNotFoundException aws logs filter-log-events --log-group-name "$group" --start-time "$start" \
            --query 'events[].[timestamp,eventId,message]' --output text; then
            print_events
        elif ! on FOLLOW; then
            die "there is no log group $group: invoke the function first, or check --name and --region"
        fi
        if on DRY_RUN || ! on FOLLOW; then return; fi
        # events may arrive late: reads the last half minute again, without lines that were printed
        ((newest - 30000 <= start)) || start=$((newest - 30000))
        sleep 2
    done
}

# Prints the messages of $reply that are not in $seen. A message may have many lines; empty lines at its end are
# dropped.
print_events() {
    local event=$'^([0-9]{13})\t([0-9]+)\t(.*)$' line print=0 empty='' now=' '
    while IFS= read -r line; do
        if [[ $line =~ $event ]]; then
            now+="${BASH_REMATCH[2]} " empty='' print=1
            ((BASH_REMATCH[1] <= newest)) || newest=${BASH_REMATCH[1]}
            [[ $seen != *" ${BASH_REMATCH[2]} "* ]] || print=0
            line=${BASH_REMATCH[3]}
        fi
        if [[ -z $line ]]; then
            empty+=$newline
        elif ((print)); then
            printf '%s%s\n' "$empty" "$line"
            empty=''
        fi
    done <<<"$reply"
    seen=$now
}

# Asks before something is deleted.
confirm() { # WHAT
    local answer
    if on YES || on DRY_RUN; then return; fi
    printf 'delete %s (region: %s)? [y/N] ' "$1" "${AWS_REGION:-that of the profile}" >&2
    read -r answer || answer=''
    case $answer in [yY] | [yY]es) ;; *) die 'nothing was deleted' ;; esac
}

delete() {
    local what="the function $name"
    ! on ALL || what+=", its log group, and the repository $repository and the role $own_role if they were made for it"
    confirm "$what"
    remove "the function $name" ResourceNotFoundException aws lambda delete-function --function-name "$name"
    on ALL || return 0
    remove "the log group /aws/lambda/$name" ResourceNotFoundException \
        aws logs delete-log-group --log-group-name "/aws/lambda/$name"
    delete_repository
    delete_role
}

delete_repository() {
    find_repository || return 0
    must aws ecr list-tags-for-resource --resource-arn "${repository_arn:-ARN}" \
        --query "tags[?Key=='$mark'].Value|[0]" --output text
    if on DRY_RUN || [[ $reply == "$name" ]]; then
        remove "the repository $repository" RepositoryNotFoundException \
            aws ecr delete-repository --repository-name "$repository" --force
    else
        say "the repository $repository stays: it was not made for this function"
    fi
}

delete_role() {
    local policy
    if ! find_own_role; then
        [[ -z $role ]] || say "the role $own_role stays: it was not made for this function"
        return 0
    fi
    must aws iam list-attached-role-policies --role-name "$own_role" --query 'AttachedPolicies[].PolicyArn' --output text
    for policy in $reply; do
        must aws iam detach-role-policy --role-name "$own_role" --policy-arn "$policy"
    done
    must aws iam list-role-policies --role-name "$own_role" --query 'PolicyNames[]' --output text
    for policy in $reply; do
        must aws iam delete-role-policy --role-name "$own_role" --policy-name "$policy"
    done
    remove "the role $own_role" NoSuchEntity aws iam delete-role --role-name "$own_role"
}

# Deletes a resource, or reports that it does not exist.
remove() { # WHAT ABSENT CALL...
    local what=$1
    shift
    if ! lookup "$@"; then
        say "$what is not there"
    else
        report "$what is deleted"
    fi
}
