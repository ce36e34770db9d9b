# shellcheck shell=bash
# Calls to AWS and docker: makes or only shows them, and ends with advice if they fail.

say() { printf 'manage.sh: %s\n' "$*" >&2; }
report() { on DRY_RUN || say "$@"; }
die() { say "$@"; exit 1; }
misuse() { say "$1 (manage.sh --help)"; exit 2; }

# Whether an option that has no value is set.
on() {
    local variable=FUNCTION_$1
    [[ ${!variable-} == 1 ]]
}

# Makes a call. Its output is $reply, its standard error $problem.
call() {
    begin "$@" || return 0
    reply=$("$@" 2>"$scratch/problem") && return
    problem=$(<"$scratch/problem")
    return 1
}

# The same for a call that shows its progress to the user.
loud_call() {
    begin "$@" || return 0
    "$@" 2>&1 | tee "$scratch/problem" >&2 && return
    problem=$(tail -n 5 "$scratch/problem")
    return 1
}

# Records a call. In a dry run, it prints the call and fails, so that the call is not made.
begin() {
    reply='' problem=''
    last_call=$(spell "$@")
    on DRY_RUN || return 0
    printf '%s\n' "$last_call"
    return 1
}

# A call as one would type it, without options for its output.
spell() {
    local words='' quote="'\\''"
    while (($#)); do
        case $1 in
            --query | --output) shift ;;
            '' | *[!A-Za-z0-9_./:=@,%+-]*) words+=" '${1//\'/$quote}'" ;;
            *) words+=" $1" ;;
        esac
        shift
    done
    printf '%s' "${words# }"
}

must() { call "$@" || fail; }

# A call that may find nothing: it fails if AWS's message contains the first argument. In a dry run, commands that
# create resources find nothing.
lookup() {
    local absent=$1
    shift
    if call "$@"; then
        on DRY_RUN || return 0
        case $command in push | create | deploy) return 1 ;; *) return 0 ;; esac
    fi
    [[ $problem == *"$absent"* ]] || fail
    return 1
}

# Hides a value in messages. Shorter values could be parts of words.
hide() { ((${#1} < 4)) || secrets+=("$1"); }

# Ends with the call that failed, its message, and the next action.
fail() {
    local secret
    for secret in ${secrets[@]+"${secrets[@]}"}; do problem=${problem//"$secret"/***}; done
    problem=${problem%%String measured:*} # Lambda prints all variables if they are too long
    say "this call failed: $last_call"
    sed -e '/^[[:space:]]*$/d' -e 's/^/    /' <<<"$problem" >&2
    die "to do: $(advice)"
}

advice() {
    case $last_call:$problem in
        docker*"command not found"*) echo 'install Docker with buildx' ;;
        aws*"command not found"*) echo 'install the AWS CLI, version 2 or 1' ;;
        docker*"docker daemon"* | docker*"docker.sock"* | docker*"error during connect"*) echo 'start Docker' ;;
        docker*"not a docker command"* | docker*"unknown command: docker"* | docker*"unknown flag: --p"*)
            echo "install Docker's buildx plugin" ;;
        docker*"exec format error"*)
            echo 'build for an architecture that this machine runs (--arch), or set up QEMU for docker' ;;
        docker*"basic auth credentials"* | docker*"authorization token"*)
            echo 'log in to that registry: aws ecr get-login-password | docker login --username AWS --password-stdin REGISTRY' ;;
        docker*"no match for platform"* | docker*"resolve source metadata"*)
            echo "name a base image that is there for linux on the function's architecture" ;;
        docker*"tag is immutable"* | docker*"cannot be overwritten"*)
            echo "choose a new --tag, such as --tag \$(git rev-parse --short HEAD)" ;;
        *"Unknown parameter"* | *[Ii]"nvalid choice"* | *"Unknown options"*) echo 'install a newer AWS CLI: this one does not know the call' ;;
        *"locate credentials"* | *"security token"* | *ExpiredToken* | *SSO* | *"config profile"*)
            echo 'give valid credentials: aws configure, aws sso login, --profile, or AWS_ACCESS_KEY_ID and its companions' ;;
        *"specify a region"* | *"connect to the endpoint"* | *"Invalid endpoint"* | *"not resolve host"*)
            echo 'name a region of your account: --region or AWS_REGION' ;;
        *"permission to access the ECR image"*)
            echo "let lambda.amazonaws.com read the repository (its policy), or use one of the function's own account" ;;
        *AccessDenied* | *"not authorized"*) echo 'get the permission that the message names, then run the same command again' ;;
        *"cannot be assumed"*) echo "let lambda.amazonaws.com assume the role (its trust policy), or wait longer: --role-wait" ;;
        *"synchronously invoke a durable"*) echo 'add --async: a synchronous call cannot wait longer than 15 minutes' ;;
        *DurableExecutionAlreadyStarted*)
            echo 'choose another --durable-execution-name: an execution with this name has begun with another event' ;;
        *"layer media type"*) echo 'push a single manifest, as manage.sh push does: no index, no attestations' ;;
        *[Ii]mage*size* | *"larger than"*) echo 'make the image smaller: Lambda takes 10 GB, unpacked' ;;
        *[Aa]rchitecture*) echo "build the image for the function's architecture: --arch" ;;
        *SnapStart*) echo 'push again with --snapstart, which marks the image for it, or leave it out: Lambda does not offer it everywhere' ;;
        *"aws lambda"*ResourceNotFound*)
            echo "check --name ($name) and --region (${AWS_REGION:-from the profile}); manage.sh deploy makes the function" ;;
        *ResourceConflict* | *TooManyRequests* | *Throttling* | *"timed out"* | *"Max attempts"*)
            echo 'wait a moment, then run the same command again' ;;
        *) echo 'fix the cause, then run the same command again: it continues where it stopped' ;;
    esac
}
