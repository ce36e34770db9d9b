# The function `durable` of a durable event: the command `durable`, which can also run functions of the file.
#
# Each event of a durable function evaluates this in its subshell, unless the file has a function of this name. The
# bootstrap replaces @BOOTSTRAP@ by its path. The head of src/durable/command/shell.rs describes the pipe. The file may
# have set any option, alias or trap, see shim.sh.

durable() { # VERB …
    {
        builtin local __lambda_trace='' __lambda_status=0 __lambda_at=0
        builtin local __lambda_field='' __lambda_line __lambda_word __lambda_any __lambda_input
        [[ ! -o xtrace ]] || __lambda_trace=1
        builtin set +x
    } 2>/dev/null
    [[ ${1-} != @(step|until|callback|context) ]] || __lambda_find_command "$@"
    if ((__lambda_at)) && __lambda_answers "$@"; then
        if ((__lambda_status)); then
            builtin printf 'durable: %s\n' "$__lambda_field" >&2
        elif [[ -n $__lambda_field ]]; then
            builtin printf '%s\n' "$__lambda_field" || __lambda_status=$?
        fi
    elif ((__lambda_at)) && __lambda_defines "${!__lambda_at}"; then
        { __lambda_attend <(__lambda_start "$@" 3>&1 >&97 97>&-) "$@" || __lambda_status=$?; } 97>&1
    else
        @BOOTSTRAP@ durable "$@" || __lambda_status=$?
    fi
    {
        ((__lambda_status == 0)) || builtin printf -v __lambda_called '%s ' durable "$@"
        [[ -z $__lambda_trace ]] || builtin set -x
        builtin return "$__lambda_status"
    } 2>/dev/null
}

__lambda_find_command() { # VERB …: sets __lambda_at to the position of COMMAND, if any, and reads the options before it
    __lambda_at=2 __lambda_word='' __lambda_any='' __lambda_input=''
    while ((__lambda_at <= $#)); do
        __lambda_field=${!__lambda_at}
        if [[ $__lambda_field == -- ]]; then
            __lambda_at=$((__lambda_at + 1))
            if [[ -z $__lambda_word ]]; then
                __lambda_word=${!__lambda_at-}
                __lambda_at=$((__lambda_at + 1))
            fi
            builtin break
        elif [[ $__lambda_field == --any-args ]]; then
            __lambda_any=1
        elif [[ $__lambda_field == --stdin ]]; then
            __lambda_input=1
        elif [[ $__lambda_field == --@(retry|backoff|rate|max-delay|retry-on|timeout|heartbeat|every) ]]; then
            __lambda_at=$((__lambda_at + 1))
        elif [[ $__lambda_field != -?* ]]; then
            [[ -z $__lambda_word ]] || builtin break
            __lambda_word=$__lambda_field
        fi
        __lambda_at=$((__lambda_at + 1))
    done
    ((__lambda_at <= $#)) || __lambda_at=0
    builtin printf -v __lambda_line %s "$@"
}

__lambda_answers() { # VERB …: fails if there is no result; else __lambda_status and __lambda_field have it
    [[ -n ${__lambda_port-} && -z ${DURABLE_STEP-}$__lambda_input && $1 != callback ]] || builtin return
    # each line would be a separate packet
    # shellcheck disable=SC2154 # set by shim.sh
    [[ $__lambda_line != *"$__lambda_newline"* ]] && ((${#__lambda_line} < __lambda_short)) || builtin return
    { __lambda_ask "$@" 97<>"/dev/tcp/127.0.0.1/${__lambda_port%/*}"; } 2>/dev/null
}

__lambda_ask() { # VERB …: asks without starting a process, see src/durable/session/port.rs
    builtin local __lambda_pipe=97
    builtin printf '%s\0' "${__lambda_port#*/}" $((5 + $# - __lambda_at)) "$1" "$__lambda_any" "${DURABLE_CONTEXT-}" \
        "$__lambda_word" "${@:__lambda_at}" >&97 &&
        __lambda_read_field && __lambda_status=$__lambda_field && __lambda_read_field
}

__lambda_start() { # VERB …: starts the command; arguments that are too long for a process go through a pipe
    if ((${#__lambda_line} < __lambda_short)); then
        @BOOTSTRAP@ durable --shell "$@"
    else
        @BOOTSTRAP@ durable --shell-words "${@:1:__lambda_at}" 4< <(builtin printf '%s\0' "${@:__lambda_at+1}")
    fi
}

__lambda_attend() { # PIPE VERB …: runs the function each time the command requests it, and returns the status
    builtin local __lambda_pipe=${1##*/} __lambda_field='' __lambda_fields
    builtin shift
    while __lambda_read_field; do
        [[ $__lambda_field == run ]] || builtin return "$__lambda_field"
        __lambda_fields=()
        while __lambda_read_field && [[ -n $__lambda_field ]]; do
            __lambda_fields+=("$__lambda_field")
        done
        __lambda_status=0
        # of a signal that ends it Bash would tell with our code
        if [[ ${__lambda_fields[1]} == - ]]; then
            { (__lambda_run "$@") <"${__lambda_fields[2]}" >|"${__lambda_fields[0]}" 2>&96 96>&- 97>&- ||
                __lambda_status=$?; } 96>&2 2>/dev/null
        else
            { (__lambda_run "$@") <"${__lambda_fields[2]}" >|"${__lambda_fields[0]}" 2>|"${__lambda_fields[1]}" 97>&- ||
                __lambda_status=$?; } 2>/dev/null
        fi
        builtin printf '%s\n' "$__lambda_status" >|"${__lambda_fields[3]}"
    done
    builtin return 70
}

__lambda_read_field() {
    builtin local REPLY # Bash does not split it into words
    builtin read -r -d '' -u "$__lambda_pipe" && __lambda_field=$REPLY
}

__lambda_run() { # VERB …
    builtin printf .
    builtin export -- "${__lambda_fields[@]:4}"
    [[ $1 != callback ]] || builtin set -- "$@" "$DURABLE_CALLBACK_ID"
    # in `$( )`, Bash has turned errexit off
    if [[ ! -o errexit ]] && ! ((BASH_SUBSHELL > 2 && __lambda_errexit)); then
        "${@:__lambda_at}"
        builtin return
    fi
    # `eval` does not inherit that an outer command is part of an `if` or an `||`
    \builtin eval '{ [[ -z $__lambda_trace ]] || \builtin set -x; \builtin set -e; } 2>/dev/null; "${@:__lambda_at}"'
}

__lambda_errexit=0
# shellcheck disable=SC2154 # set by shim.sh
for __lambda_name in "${__lambda_options[@]}"; do
    [[ $__lambda_name != errexit ]] || __lambda_errexit=1
done
__lambda_short=32000 # this many characters fit into one argument of a process
__lambda_port=''
if [[ -e $DURABLE_SOCKET.port ]]; then
    builtin mapfile -t __lambda_lines <"$DURABLE_SOCKET.port"
    __lambda_port=${__lambda_lines[0]}
fi
# for child processes, and for a file that has replaced builtins
PATH+=:${DURABLE_SOCKET%/*}/bin
[[ -z $__lambda_odd ]] || builtin unset -f durable
