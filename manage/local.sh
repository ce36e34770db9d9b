#!/usr/bin/env bash
# The targets `make try` and `make run-local`: they run a folder's handler on this machine, without AWS.
#
#   local.sh try     runs one event with a bootstrap that is built here: DIR, HANDLER, EVENT (a file)
#   local.sh serve   serves events over HTTP, in a container if Docker runs: DIR, HANDLER, PORT, VARIANT, BASE, WATCH
#
# Without HANDLER, `try` runs a sample in each language whose interpreter is installed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=manage/handler.sh
. manage/handler.sh

say() { printf '%s\n' "$*" >&2; }
die() {
    say "$@"
    exit 1
}

build_bootstrap() {
    [[ -x target/release/bootstrap ]] || say "building bootstrap: the first time this takes a minute or two"
    cargo build --locked --release --bin bootstrap
}

run_once() { # HANDLER
    say "$1"
    (cd "$dir" && "$OLDPWD/target/release/bootstrap" "$1" "$event")
}

sample() { # LANGUAGE INTERPRETER HANDLER
    say
    if command -v "$2" >/dev/null; then
        printf '%s: ' "$1" >&2
        run_once "$3"
    else
        say "$1: skipped: no $2"
    fi
}

try() {
    local event='{"name": "you"}'
    if [[ -n ${EVENT-} ]]; then
        [[ -r $EVENT ]] || die "EVENT is \`$EVENT\`, which is no file that can be read"
        event=@$(cd "$(dirname "$EVENT")" && pwd)/${EVENT##*/}
    fi
    build_bootstrap
    if [[ -n ${HANDLER-} || $dir != "$PWD/function" ]]; then
        run_once "$FUNCTION_HANDLER"
    else
        sample Bash bash function.handler
        sample 'Common Lisp' sbcl simple_handler.simple-handler
        sample PowerShell "${SCRIPT_RUNTIME_PWSH:-pwsh}" example.Test-Lambda
    fi
}

until_interrupted() { # COMMAND …: Ctrl-C is the usual end; make must not show it as an error
    local status=0
    trap : INT
    "$@" || status=$?
    ((status == 130)) || exit "$status"
    sleep 0.2 # make reports an error if its recipe ends before make has received the interrupt
}

variant_of_handler() {
    if is_powershell; then
        echo powershell-runtime
    elif is_lisp; then
        echo lisp
    else
        echo bash
    fi
}

serve() {
    local port=${PORT:-9000} architecture=amd64 target image bake options
    local url=http://127.0.0.1:$port/2015-03-31/functions/function/invocations
    if ! docker version >/dev/null 2>&1; then
        say "no Docker engine answers: serving the same URL with bootstrap --serve"
        build_bootstrap
        cd "$dir"
        until_interrupted "$OLDPWD/target/release/bootstrap" --serve "$port" --watch "$FUNCTION_HANDLER"
        return
    fi
    case $(uname -m) in aarch64 | arm64) architecture=arm64 ;; esac
    target=rie-${VARIANT:-$(variant_of_handler)}-${BASE:-al2023}-$architecture
    image=${IMAGE:-lambda-script-runtime}:$target
    docker image inspect "$image" >/dev/null 2>&1 ||
        say "building $image: the first time this takes some minutes for downloads and compilation"
    read -ra bake <<<"${BAKE-}"
    docker buildx bake ${bake[@]+"${bake[@]}"} "$target"
    options=(--rm --publish "127.0.0.1:$port:8080" --volume "$dir:/var/task:ro")
    say "$FUNCTION_HANDLER of $dir: $url (\`make invoke\` posts an event)"
    if [[ ${WATCH-} == false ]]; then
        until_interrupted docker run "${options[@]}" "$image" "$FUNCTION_HANDLER"
        return
    fi
    # the emulator would not load changed files again
    until_interrupted docker run "${options[@]}" --entrypoint /var/runtime/bootstrap "$image" \
        --serve 0.0.0.0:8080 --watch "$FUNCTION_HANDLER"
}

dir=${DIR:-function}
[[ -d $dir ]] || die "DIR is \`$dir\`, which is no directory"
dir=$(cd "$dir" && pwd)
if [[ -z ${HANDLER-} ]] && ! compgen -G "$dir/function.*" >/dev/null; then
    files=("$dir"/*)
    [[ -e ${files[0]} ]] || die "DIR is \`$dir\`, which is empty"
    die "HANDLER is not set: say what to run of \`$dir\`, as in \`HANDLER=report.sh\`; it has ${files[*]##*/}"
fi
FUNCTION_HANDLER=${HANDLER:-function.handler}
case ${1-} in
    try | serve) "$1" ;;
    *) die "local.sh takes try or serve" ;;
esac
