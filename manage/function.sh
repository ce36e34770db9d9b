# shellcheck shell=bash
# The function and its role: reads their state, and makes the missing changes. Every step is idempotent.

readonly mark=lambda-script-runtime # the tag of resources that this script creates; its value is the function's name
readonly unknown_registry=ACCOUNT.dkr.ecr.REGION.amazonaws.com unknown_digest=sha256:DIGEST # in a dry run
readonly trust='{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}'

# The keys that are read of a function; `field` and `plain` return their values.
readonly fields='{Arn: Configuration.FunctionArn, PackageType: Configuration.PackageType,
State: Configuration.State, StateReason: Configuration.StateReason,
LastUpdateStatus: Configuration.LastUpdateStatus, LastUpdateStatusReason: Configuration.LastUpdateStatusReason,
Image: Code.ImageUri, ResolvedImage: Code.ResolvedImageUri, Architecture: Configuration.Architectures[0],
Command: Configuration.ImageConfigResponse.ImageConfig.Command[0],
MoreCommand: Configuration.ImageConfigResponse.ImageConfig.Command[1],
EntryPoint: to_string(Configuration.ImageConfigResponse.ImageConfig.EntryPoint),
WorkingDirectory: Configuration.ImageConfigResponse.ImageConfig.WorkingDirectory,
Role: Configuration.Role, MemorySize: Configuration.MemorySize, Timeout: Configuration.Timeout,
Description: Configuration.Description, SnapStart: Configuration.SnapStart.ApplyOn,
LogFormat: Configuration.LoggingConfig.LogFormat, LogLevel: Configuration.LoggingConfig.ApplicationLogLevel, LogGroup: Configuration.LoggingConfig.LogGroup,
Handler: Configuration.Handler, Runtime: Configuration.Runtime, Checksum: Configuration.CodeSha256,
RuntimeArn: Configuration.RuntimeConfig.RuntimeArn, RuntimeAlias: Configuration.RuntimeConfig.RuntimeAlias,
ExecutionTimeout: Configuration.DurableConfig.ExecutionTimeout,
RetentionPeriod: Configuration.DurableConfig.RetentionPeriodInDays, ExecutionKey: Configuration.DurableConfig.KMSKeyArn,
EnvironmentError: Configuration.Environment.Error.Message, Variables: Configuration.Environment.Variables}'

function='' # as last read
kind=image  # its package: an image, or a zip file for a customer-managed runtime

# Reads the function, or a version or alias of it; fails if there is none.
find_function() {
    function=''
    lookup ResourceNotFoundException aws lambda get-function --function-name "$name" ${1:+--qualifier "$1"} \
        --query "${fields%\}}$(fields_of_set)}" --output json || return 1
    function=${reply:-"{}"}
}

# A field of the function as JSON, `null` if it has none.
field() {
    local value
    value=$(sed -n "s/^    \"$1\": \(.*[^,]\),\{0,1\}\$/\1/p" <<<"$function")
    printf '%s' "${value:-null}"
}

# The same without quotes, for values without escapes; empty if it has none.
plain() {
    local value
    value=$(field "$1")
    [[ $value == null ]] || printf '%s' "${value//\"/}"
}

# Reads the function after changes of an earlier run have ended. It need not exist.
look_at_function() {
    [[ -z ${FUNCTION_RUNTIME-} ]] || kind=zip
    find_function || return 0
    case $(plain PackageType):$(plain Runtime):$kind in
        Zip:custom:*) kind=zip ;;
        Zip:*:zip) ;; # it had another runtime before
        Zip:*) die "the function $name is one of a zip archive and cannot take an image: choose another --name, or delete it first" ;;
        *:zip) die "the function $name is one of an image and cannot take a zip archive: choose another --name, or delete it first" ;;
    esac
    if [[ $(plain State) == Pending ]]; then
        await function-active-v2
        find_function || return 0
    fi
    if [[ $(plain LastUpdateStatus) == InProgress ]]; then
        await function-updated-v2
        find_function || return 0
    fi
}

# Makes all checks, before anything is created.
check_function() {
    local image_option
    check_set
    check_durable
    check_logging
    check_environment
    if [[ $kind == zip ]]; then
        for image_option in BASE TARGET TAG REPOSITORY IMMUTABLE; do
            image_option=FUNCTION_$image_option
            [[ -z ${!image_option-} ]] || die "$image_option is for images, and $name is a function of a zip archive"
        done
        if [[ -n ${FUNCTION_RUNTIME_ALIAS-} ]]; then : "${FUNCTION_RUNTIME:=$(plain RuntimeArn)}"; fi
        if [[ -n ${FUNCTION_RUNTIME-} ]]; then
            need_runtimes
            choose_runtime
        else
            choose_architecture
        fi
        check_zip_handler
        ! sends_zip || make_zip
    else
        [[ -z ${FUNCTION_PIN-}${FUNCTION_RUNTIME_ALIAS-} ]] || die "--runtime-alias and --pin are for functions of zip archives: add --runtime"
        choose_architecture
    fi
    if [[ -z $function ]]; then choose_role; fi
}

# Waits for the function or one of its versions, as long as the AWS CLI does.
await() {
    call aws lambda wait "$1" --function-name "$name" ${2:+--qualifier "$2"} && return
    local waiting=$last_call said=$problem
    if find_function "${2-}"; then
        said+="$newline$(plain StateReason)$newline$(plain LastUpdateStatusReason)"
    fi
    last_call=$waiting problem=$said
    fail
}

# On managed instances, only published versions are called: the function itself does not become Active.
await_managed() {
    local patience=$((SECONDS + 600))
    while find_function && [[ $(plain State) == Pending ]]; do
        ((SECONDS < patience)) || die "$name is still Pending: run the same command again, it continues to wait"
        sleep 2
    done
    [[ $(plain State) != Failed ]] || die "$name has failed: $(plain StateReason)"
}

# Finds the role that this script created for the function.
find_own_role() {
    local owner
    role=''
    lookup NoSuchEntity aws iam get-role --role-name "$own_role" \
        --query "Role.[Arn,Tags[?Key=='$mark'].Value|[0]]" --output text || return 1
    role=${reply%%$'\t'*} owner=${reply#*$'\t'}
    on DRY_RUN || [[ $owner == "$name" ]]
}

# Finds the role of --role, or the role that this script created; `role` stays empty if it has to be created.
choose_role() {
    case ${FUNCTION_ROLE-} in
        arn:*) role=$FUNCTION_ROLE ;;
        ?*)
            must aws iam get-role --role-name "$FUNCTION_ROLE" --query Role.Arn --output text
            role=${reply:-"arn:aws:iam::ACCOUNT:role/$FUNCTION_ROLE"} ;;
        *)
            find_own_role || [[ -z $role ]] ||
                die "the role $own_role was not made for this function: choose another --name, or use it with --role $own_role" ;;
    esac
}

# Creates the function's own role, if it has no other.
make_role() {
    local partition may=AWSLambdaBasicExecutionRole
    [[ -z ${FUNCTION_ROLE-} ]] || return 0
    if [[ -z $role ]]; then
        must aws iam create-role --role-name "$own_role" --assume-role-policy-document "$trust" \
            --tags "Key=$mark,Value=$name" --query Role.Arn --output text
        role=${reply:-"arn:aws:iam::ACCOUNT:role/$own_role"}
    fi
    partition=${role#arn:}
    # logs, and the checkpoints of durable executions
    ! on DURABLE || may=AWSLambdaBasicDurableExecutionRolePolicy
    # also for an existing role: an earlier run may have ended between the two calls
    must aws iam attach-role-policy --role-name "$own_role" \
        --policy-arn "arn:${partition%%:*}:iam::aws:policy/service-role/$may"
}

# Attaches the requested policies to the role that this script created.
settle_policy() {
    [[ -n ${FUNCTION_POLICY-} ]] || return 0
    must aws iam put-role-policy --role-name "$own_role" --policy-name "$mark" --policy-document "file://$FUNCTION_POLICY"
}

create_function() {
    local patience memory=512
    local -a sent=()
    make_role
    settle_policy
    ! is_powershell || memory=1024
    FUNCTION_MEMORY=${FUNCTION_MEMORY:-$memory} FUNCTION_TIMEOUT=${FUNCTION_TIMEOUT:-30}
    begin_settings
    if [[ $kind == zip ]]; then
        setting PackageType '"Zip"'
        sent=(--zip-file "fileb://$archive")
    else
        setting PackageType '"Image"'
        setting Code "{\"ImageUri\": \"$repository_uri@$digest\"}"
    fi
    setting Role "$(json "$role")"
    setting Architectures "[\"$architecture\"]"
    add_configuration
    patience=$((SECONDS + ${FUNCTION_ROLE_WAIT:-60}))
    until call_with_settings create-function ${sent[@]+"${sent[@]}"}; do
        # IAM is eventually consistent: a new role is not visible everywhere at once
        if [[ $problem != *"cannot be assumed"* ]] || ((SECONDS >= patience)); then fail; fi
        say 'Lambda cannot assume the role yet; trying again'
        sleep 1
    done
    arn=$reply
    report "waiting until $name is active"
    if [[ -n ${FUNCTION_CAPACITY_PROVIDER-} ]]; then await_managed; else await function-active-v2; fi
}

# Whether this run sends the folder as a zip file. A change of settings alone does not send the working directory.
sends_zip() { [[ -z $function || $command == deploy || -n ${FUNCTION_DIR-} ]]; }

# Sends the code if it differs. The image of a failed function may not be the one that AWS reports.
update_code() {
    local image="\"${repository_uri-}@${digest-}\"" same=0
    if [[ $kind == zip ]]; then
        sends_zip || return 0
        [[ $(plain Checksum) != "$(checksum_of_zip)" ]] || same=1
    elif [[ $(field Image) == "$image" || $(field ResolvedImage) == "$image" ]]; then
        same=1
    fi
    case $(plain State)$(plain LastUpdateStatus) in *Failed*) same=0 ;; esac
    if ((same)) && [[ $(plain Architecture) == "$architecture" ]]; then return; fi
    begin_settings
    [[ $kind == zip ]] || setting ImageUri "$image"
    setting Architectures "[\"$architecture\"]"
    if [[ $kind == zip ]]; then set -- --zip-file "fileb://$archive"; fi
    call_with_settings update-function-code "$@" || fail
    await function-updated-v2
    report "$name has the new ${kind/zip/code}"
}

update_configuration() {
    local nothing
    begin_settings
    nothing=$settings
    if [[ -n ${FUNCTION_ROLE-} && $(plain Role) != "$FUNCTION_ROLE" && $(plain Role) != */"$FUNCTION_ROLE" ]]; then
        choose_role
        setting Role "$(json "$role")"
    fi
    add_configuration
    [[ $settings != "$nothing" ]] || return 0
    call_with_settings update-function-configuration || fail
    await function-updated-v2
    report "$name has the new settings"
}

# A function, without the fields that differ between a version and the unpublished function.
comparable() { sed -E '/^ {4}"(Arn|State|StateReason|LastUpdateStatus|LastUpdateStatusReason)": /d; s/,$//' <<<"$function"; }

# Publishes a version and moves the alias to it, unless the alias already names an equal one.
publish() {
    local latest change=update-alias version
    find_function || true
    latest=$(comparable)
    if ! find_function "$alias"; then
        change=create-alias
    elif [[ $(comparable) == "$latest" ]]; then
        return
    fi
    must aws lambda publish-version --function-name "$name" --query Version --output text
    version=${reply:-VERSION}
    await function-active-v2 "$version"
    must aws lambda "$change" --function-name "$name" --name "$alias" --function-version "$version"
    report "$name:$alias is version $version"
}

# Creates the function, or changes differing parts: first code, then configuration; waits for each.
settle_function() {
    # shellcheck disable=SC2034 # `on` reads it
    ! is_durable || FUNCTION_DURABLE=1
    if [[ -z $function ]]; then
        create_function
        report "$name is made"
    else
        arn=$(plain Arn)
        update_code
        update_configuration
        settle_policy
    fi
    [[ $kind != zip ]] || settle_pin
    if on SNAPSTART || on DURABLE || [[ -n ${FUNCTION_CAPACITY_PROVIDER-} ]]; then publish; fi
    settle_url
    on DRY_RUN || printf '%s\n' "$arn"
}
