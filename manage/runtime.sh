# shellcheck shell=bash
# Customer-managed runtimes: an image in ECR that runs functions deployed as zip files. Tested against AWS's published
# API model (botocore 1.44.8), but not yet on AWS.

readonly released=0.2.0 # the release of the images for --variant
readonly runtime_patience=600 # seconds until a version or an alias is ACTIVE

# Ends if the AWS CLI lacks the calls, before anything is created.
need_runtimes() {
    local version
    aws lambda-core list-runtimes --generate-cli-skeleton input >/dev/null 2>"$scratch/problem" &&
        aws lambda create-function --generate-cli-skeleton input 2>/dev/null | grep -q '"RuntimeConfig"' && return
    version=$(aws --version 2>&1) || die 'there is no AWS CLI: install version 2'
    die "${version%% *} does not know customer-managed runtimes: install the newest AWS CLI version 2, or one with botocore 1.44.8 or later (aws lambda-core list-runtimes must be a command of it)"
}

check_runtime_names() { # the API's rules for names, checked before the first call
    local text
    case ${FUNCTION_RUNTIME-} in
        arn:*:runtime/*) ;;
        *) [[ ${FUNCTION_RUNTIME-} =~ ^[a-z0-9]([a-z0-9_.-]{0,126}[a-z0-9])$ ]] ||
            misuse "--runtime takes an ARN, or a name of 2 to 128 small letters, digits, _, . and -, not ${FUNCTION_RUNTIME:-nothing}" ;;
    esac
    for text in --runtime-version="${FUNCTION_RUNTIME_VERSION-}" --runtime-alias="${FUNCTION_RUNTIME_ALIAS-}" --pin="${FUNCTION_PIN-}"; do
        [[ ${text#*=} =~ ^([A-Za-z0-9_]([A-Za-z0-9_.-]{0,126}[A-Za-z0-9_])?)?$ ]] ||
            misuse "${text%%=*} takes up to 128 letters, digits, _, . and -, not ${text#*=}"
    done
}

needs_option() { [[ -n $2 ]] || misuse "$command needs $1"; }

# Reads the runtime; fails if there is none. Ends the script if its deletion is scheduled.
find_runtime() {
    lookup ResourceNotFoundException aws lambda-core get-runtime --runtime-name "$FUNCTION_RUNTIME" \
        --query '[Arn,State,PendingDeletionAt]' --output text || return 1
    read -r runtime_arn runtime_state runtime_end <<<"${reply:-arn:aws:lambda:REGION:ACCOUNT:runtime/$FUNCTION_RUNTIME}"
    case ${runtime_state-} in
        *DELET*) die "the runtime $FUNCTION_RUNTIME is $runtime_state (${runtime_end-}): manage.sh restore-runtime --runtime $FUNCTION_RUNTIME takes it back" ;;
    esac
}

find_version() { # VERSION
    lookup ResourceNotFoundException aws lambda-core get-runtime-version --runtime-name "$FUNCTION_RUNTIME" --name "$1" \
        --query '[State,ResolvedUri,ReleaseNotes]' --output text || return 1
    IFS=$'\t' read -r _ version_image version_notes <<<"$reply"
}

find_alias() {
    lookup ResourceNotFoundException aws lambda-core get-runtime-alias --runtime-name "$FUNCTION_RUNTIME" \
        --name "$FUNCTION_RUNTIME_ALIAS" \
        --query "[State,RuntimeVersion,join(',', Compatibility.Architectures || \`[]\`)]" --output text || return 1
    IFS=$'\t' read -r alias_state alias_version alias_architectures <<<"$reply"
}

# Waits for a version or an alias, with a message, because it can take minutes.
await_active() { # WHAT FIND...
    local what=$1 begun=$SECONDS said=0 state=''
    shift
    while "$@"; do
        ! on DRY_RUN || return 0
        state=${reply%%$'\t'*}
        case $state in
            ACTIVE) return 0 ;;
            FAILED) die "$what has FAILED, and AWS's call says no more: publish it under a new name; versions are immutable" ;;
            *DELET*) die "$what is $state: manage.sh restore-runtime takes it back" ;;
        esac
        ((SECONDS - begun < runtime_patience)) || break
        if ((said == 0 || SECONDS - begun - said >= 15)); then
            said=$((SECONDS - begun + 1))
            report "$what is $state after $((SECONDS - begun)) s; waiting for ACTIVE"
        fi
        sleep 2
    done
    die "$what is ${state:-not there} after $((SECONDS - begun)) s: run the same command again, it continues to wait"
}

# The image of a version: --base, or the released image of a variant.
build_of_version() {
    local base=${FUNCTION_BASE-}
    [[ -n $base ]] ||
        base=ghcr.io/lambda-script-runtime/lambda-script-runtime:$released-$FUNCTION_VARIANT-al2023-${architecture/x86_64/amd64}
    FUNCTION_BASE=$base
    mkdir -p "$scratch/context"
    printf 'FROM %s\n' "$base" >"$scratch/context/Dockerfile"
    build_image "$scratch/context"
}

# Whether the version has the local image: by its pushed digest, else by the manifest in ECR.
is_image_of_version() {
    local id
    [[ " $pushed_before " != *"@${version_image##*@} "* ]] || return 0
    must docker image inspect --format '{{.Id}}' "$repository_uri:$tag"
    id=$reply
    must aws ecr batch-get-image --repository-name "$repository" --image-ids "imageDigest=${version_image##*@}" \
        --query 'images[0].imageManifest' --output text
    [[ $reply == *"$id"* || $id == "${version_image##*@}" ]]
}

publish_runtime() {
    local there=0
    needs_option --runtime-version "${FUNCTION_RUNTIME_VERSION-}"
    [[ -n ${FUNCTION_VARIANT-} || -n ${FUNCTION_BASE-} ]] ||
        misuse 'publish-runtime needs an image: --variant bash|bash-aws|lisp|powershell-runtime|all, or --base IMAGE'
    case ${FUNCTION_VARIANT-} in
        '' | bash | bash-aws | lisp | powershell-runtime | all) ;;
        *) misuse "--variant is bash, bash-aws, lisp, powershell-runtime or all, not $FUNCTION_VARIANT" ;;
    esac
    [[ -z ${FUNCTION_RELEASE_NOTES-} || -r $FUNCTION_RELEASE_NOTES ]] ||
        misuse "there is no file $FUNCTION_RELEASE_NOTES to read the release notes from"
    tag=${FUNCTION_TAG:-$FUNCTION_RUNTIME_VERSION}
    pushed_before='' digest=''
    choose_architecture
    if find_runtime; then
        ! find_version "$FUNCTION_RUNTIME_VERSION" || there=1
    fi
    make_repository
    build_of_version
    check_image
    if ((there)); then
        is_image_of_version ||
            die "$FUNCTION_RUNTIME has a version $FUNCTION_RUNTIME_VERSION with another image ($version_image), and versions are immutable: choose a new --runtime-version"
        settle_notes
    else
        push_image
        make_version
    fi
    await_active "$FUNCTION_RUNTIME:$FUNCTION_RUNTIME_VERSION" find_version "$FUNCTION_RUNTIME_VERSION"
    must aws lambda-core get-runtime-version --runtime-name "$FUNCTION_RUNTIME" --name "$FUNCTION_RUNTIME_VERSION" \
        --query '{Arn: Arn, Image: ResolvedUri, Platforms: Platforms, Compatibility: Compatibility}' --output json
    ! on DRY_RUN || return 0
    report "$FUNCTION_RUNTIME:$FUNCTION_RUNTIME_VERSION is ACTIVE; manage.sh promote-runtime gives it to functions"
    printf '%s\n' "$reply"
}

make_version() {
    local -a of=(--runtime-name "$FUNCTION_RUNTIME" --name "$FUNCTION_RUNTIME_VERSION" --image-uri "$repository_uri@$digest")
    if [[ -z ${runtime_arn-} ]]; then
        must aws lambda-core create-runtime --name "$FUNCTION_RUNTIME" --tags "$mark=$name" --query Arn --output text
        report "the runtime $FUNCTION_RUNTIME is made"
    fi
    must aws lambda-core create-runtime-version "${of[@]}" --dry-run --query State --output text
    [[ -z ${FUNCTION_RELEASE_NOTES-} ]] || of+=(--release-notes "file://$FUNCTION_RELEASE_NOTES")
    must aws lambda-core create-runtime-version "${of[@]}" --query State --output text
}

# Only the release notes can be changed.
settle_notes() {
    [[ -n ${FUNCTION_RELEASE_NOTES-} && $version_notes != "$(<"$FUNCTION_RELEASE_NOTES")" ]] || return 0
    must aws lambda-core update-runtime-version --runtime-name "$FUNCTION_RUNTIME" --name "$FUNCTION_RUNTIME_VERSION" \
        --release-notes "file://$FUNCTION_RELEASE_NOTES" --query State --output text
}

promote_runtime() {
    local before=''
    needs_option --runtime-version "${FUNCTION_RUNTIME_VERSION-}"
    needs_option --runtime-alias "${FUNCTION_RUNTIME_ALIAS-}"
    find_runtime || die "there is no runtime $FUNCTION_RUNTIME: manage.sh publish-runtime makes it"
    find_version "$FUNCTION_RUNTIME_VERSION" ||
        die "$FUNCTION_RUNTIME has no version $FUNCTION_RUNTIME_VERSION: manage.sh list-runtimes shows them"
    await_active "$FUNCTION_RUNTIME:$FUNCTION_RUNTIME_VERSION" find_version "$FUNCTION_RUNTIME_VERSION"
    set -- --runtime-name "$FUNCTION_RUNTIME" --name "$FUNCTION_RUNTIME_ALIAS" --runtime-version "$FUNCTION_RUNTIME_VERSION"
    if ! find_alias; then
        must aws lambda-core create-runtime-alias "$@" --query State --output text
    elif [[ ${alias_version-} != "$FUNCTION_RUNTIME_VERSION" ]]; then
        before=${alias_version-}
        await_active "$FUNCTION_RUNTIME:$FUNCTION_RUNTIME_ALIAS" find_alias
        must aws lambda-core update-runtime-alias "$@" --query State --output text
    fi
    await_active "$FUNCTION_RUNTIME:$FUNCTION_RUNTIME_ALIAS" find_alias
    report "$FUNCTION_RUNTIME:$FUNCTION_RUNTIME_ALIAS is version $FUNCTION_RUNTIME_VERSION${before:+, and was $before}; functions take it at their next cold start"
}

list_runtimes() {
    local runtimes runtime state of
    if [[ -n ${FUNCTION_RUNTIME-} ]]; then
        must aws lambda-core get-runtime --runtime-name "$FUNCTION_RUNTIME" --query '[Name,State]' --output text
    else
        must aws lambda-core list-runtimes --query 'Items[].[Name,State]' --output text
    fi
    ! on DRY_RUN || return 0
    runtimes=$reply
    while read -r runtime state; do
        [[ -n $runtime ]] || continue
        printf '%s\t%s\n' "$runtime" "$state"
        for of in "list-runtime-versions:[Name,State,ResolvedUri]" "list-runtime-aliases:[Name,State,RuntimeVersion]"; do
            must aws lambda-core "${of%%:*}" --runtime-name "$runtime" --query "Items[].${of#*:}" --output text
            [[ -z $reply ]] || sed "s/^/  ${of:13:5}	/; s/^  versi/  version/" <<<"$reply"
        done
    done <<<"$runtimes"
}

# Chooses the part to delete or restore: the runtime, or one of its versions or aliases.
choose_part() {
    part="the runtime $FUNCTION_RUNTIME" part_of=(--runtime-name "$FUNCTION_RUNTIME") part_kind=''
    if [[ -n ${FUNCTION_RUNTIME_ALIAS-} ]]; then
        part="the alias $FUNCTION_RUNTIME_ALIAS of $part" part_kind=-alias part_name=$FUNCTION_RUNTIME_ALIAS
    elif [[ -n ${FUNCTION_RUNTIME_VERSION-} ]]; then
        part="the version $FUNCTION_RUNTIME_VERSION of $part" part_kind=-version part_name=$FUNCTION_RUNTIME_VERSION
    fi
}

delete_runtime() {
    local days=${FUNCTION_DAYS:-30}
    choose_part
    confirm "$part in $days days${FUNCTION_ALL:+, and the repository $repository at once, if it was made for it}; whether functions use it is not checked, and theirs fail meanwhile"
    [[ -z $part_kind ]] || part_of+=(--name "$part_name")
    lookup ResourceNotFoundException aws lambda-core "get-runtime$part_kind" "${part_of[@]}" --query State --output text ||
        { say "$part is not there"; ! on ALL || delete_repository; return 0; }
    case $reply in
        *DELET*) report "$part is $reply already" ;;
        *) must aws lambda-core "delete-runtime$part_kind" "${part_of[@]}" --recovery-window-in-days "$days"
            report "$part is scheduled for deletion in $days days, and nobody's use of it was checked; manage.sh restore-runtime takes it back" ;;
    esac
    ! on ALL || delete_repository
}

restore_runtime() {
    choose_part
    [[ -z $part_kind ]] || part_of+=("--runtime$part_kind" "$part_name")
    must aws lambda-core restore-runtime "${part_of[@]}" --query State --output text
    report "$part is ${reply:-ACTIVE} again"
}

# Checks the runtime of a function with a zip file, before anything is created.
choose_runtime() {
    : "${FUNCTION_RUNTIME_ALIAS:=stable}"
    case $FUNCTION_RUNTIME in
        arn:*) runtime_arn=$FUNCTION_RUNTIME ;; # may be another account's: perhaps only its use is allowed
        *)
            find_runtime || on DRY_RUN ||
                die "there is no runtime $FUNCTION_RUNTIME in this account and region: name the ARN of another account's, or make one with manage.sh publish-runtime"
            find_alias || on DRY_RUN ||
                die "the runtime $FUNCTION_RUNTIME has no alias $FUNCTION_RUNTIME_ALIAS: manage.sh promote-runtime makes it"
            case ${alias_state-} in *DELET*) die "the alias $FUNCTION_RUNTIME_ALIAS of $FUNCTION_RUNTIME is $alias_state" ;; esac
            if [[ -n ${FUNCTION_PIN-} && $FUNCTION_PIN != auto ]]; then
                find_version "$FUNCTION_PIN" || on DRY_RUN ||
                    die "the runtime $FUNCTION_RUNTIME has no version $FUNCTION_PIN to pin"
            fi ;;
    esac
    choose_architecture "${alias_architectures-}"
    case ,${alias_architectures:-$architecture}, in
        *",$architecture,"*) ;;
        *) die "$FUNCTION_RUNTIME:$FUNCTION_RUNTIME_ALIAS is for $alias_architectures and the function for $architecture: change --arch, or publish the runtime for it" ;;
    esac
}

# With a zip file, the handler is a setting of the function, which takes no white space.
check_zip_handler() {
    local handler=${FUNCTION_HANDLER-} shorter
    if [[ -z $handler ]]; then
        [[ -n $function ]] || misuse 'a function of a zip needs --handler, such as function.handler'
        return 0
    fi
    if [[ $handler == *[[:space:]]* ]]; then
        shorter=$(sed -E "s/[[:space:]]*([()'\"])[[:space:]]*/\\1/g" <<<"$handler" | tr -d '\n')
        [[ $handler == *['()']* && $shorter != *[[:space:]]* ]] || shorter=''
        [[ -z $shorter ]] || die "Lambda takes no white space in the handler of a zip: write $shorter"
        die 'Lambda takes no white space in the handler of a zip: rename the file, or put the forms into a file and name its function, as in main.f'
    fi
    ((${#handler} <= zip_handler_limit)) ||
        die "Lambda takes $zip_handler_limit characters in the handler of a zip, and this one has ${#handler}: put the forms into a file and name its function, as in main.f"
    check_handler "$command"
}

# Whether the function is pinned to a version of its runtime, and the change of that.
settle_pin() {
    local want=Auto have version_arn=''
    [[ -n ${FUNCTION_PIN-} ]] || return 0
    if [[ $FUNCTION_PIN != auto ]]; then
        want=Manual
        version_arn=${runtime_arn:-$(plain RuntimeArn)}/version/$FUNCTION_PIN
    fi
    must aws lambda get-runtime-management-config --function-name "$name" \
        --query '[UpdateRuntimeOn,RuntimeVersionArn]' --output text
    have=$reply
    [[ $have != "$want"$'\t'"${version_arn:-None}" ]] || return 0
    must aws lambda put-runtime-management-config --function-name "$name" --update-runtime-on "$want" \
        ${version_arn:+--runtime-version-arn "$version_arn"} --query UpdateRuntimeOn --output text
    if [[ $want == Manual ]]; then report "$name stays at version $FUNCTION_PIN of its runtime"; else report "$name follows its runtime's alias"; fi
}
