# What runs inside Bash: `bash -c THIS FILE FUNCTION VARIABLES FDS REQUESTS REPORTS TOKEN LANE LANE [snapshot]`.
#
#   $0  the user's file            $6       what the end of a handler begins with
#   $1  its function, or empty     $7-$10   the descriptors of the lane of even numbers: where a process waits,
#       for a script                        the context, the event, the answer
#   $2  the variables that         $11-$14  those of odd numbers
#       events set, or lack        $15      `snapshot`, where there will be one
#   $3  /proc/PID/fd of the bootstrap
#   $4  the descriptor of the request pipe there
#   $5  the descriptor of the report pipe
#
# `src/frame.rs` describes what goes over them. A subshell is forked before its event comes and takes nothing from
# one event to the next. Nothing newer than Bash 4.2, no external command, no fork of its own.

set +o posix # where `exit` may not be a function

__lambda_function=$1
__lambda_variables=$2
__lambda_fds=$3
__lambda_requests=$3/$4
__lambda_reports=$3/$5
__lambda_token=$6
__lambda_wakes=("$3/$7" "$3/${11}")
__lambda_contexts=("$3/$8" "$3/${12}")
__lambda_inputs=("$3/$9" "$3/${13}")
__lambda_answers=("$3/${10}" "$3/${14}")
__lambda_snapshot=${15-}
__lambda_number=0
set --

__lambda_report() { # NAME PAYLOAD, in ASCII; without newlines and up to 4 KiB it is one write
    builtin printf '%s %d %s' "$1" "${#2}" "$2" >"$__lambda_reports"
}

__lambda_trace() { # the call stack from the caller's caller outwards; $1 says that its first line is not known
    local trace=$__lambda_number line_end=$'\036' unknown=${1-} depth
    for ((depth = 2; depth < ${#FUNCNAME[@]}; depth++)); do
        case ${FUNCNAME[depth]} in
            __lambda_* | main) break ;;
            exit) continue ;;
        esac
        trace+="${line_end}at ${FUNCNAME[depth]}"
        if [[ -n ${BASH_SOURCE[depth]-} ]]; then # Bash 4.2 does not know it in an EXIT trap
            trace+=", ${BASH_SOURCE[depth]}"
            [[ -n $unknown ]] || trace+=": line ${BASH_LINENO[depth - 1]-}"
        fi
        unknown=
    done
    local LC_ALL=C # a length in bytes
    __lambda_report trace "${trace:0:4000}"
}

__lambda_failed() { # the ERR trap; it exits itself, as Bash 4.2 would end a subshell with status 1 instead
    local status=$?
    __lambda_trace
    [[ $- != *e* ]] || __lambda_exit "$status"
}

exit() { # as the builtin, but it says where it stands
    local status=${1-$?}
    [[ $status == 0 ]] || __lambda_trace
    __lambda_exit "$status"
}

__lambda_exit() { # STATUS: exits of its own will
    __lambda_returned=1
    builtin exit "$1"
}

__lambda_exiting() { # the EXIT trap of an event; a handler with one of its own replaces it
    local status=$?
    if [[ -z $__lambda_returned ]]; then
        # as at an unset variable: Bash no longer knows the line
        ((status == 0)) || __lambda_trace unknown
    elif [[ /proc/self/fd/1 -ef $__lambda_answer ]]; then
        # one write; the loop below waits until the kernel has cleared the process away
        builtin printf '%s%d\n' "$__lambda_token" "$status"
    else
        __lambda_report exited "$__lambda_number $status"
    fi
}

__lambda_next() { # waits for an event and makes it this subshell's own
    local lane=$((__lambda_number % 2)) IFS=' ' context lines words
    __lambda_returned=
    __lambda_answer=${__lambda_answers[lane]}
    eval "$__lambda_trap"
    trap __lambda_exiting EXIT
    exec <"${__lambda_inputs[lane]}" >"$__lambda_answer" {context}<"${__lambda_contexts[lane]}"
    read -r lines <"${__lambda_wakes[lane]}" || builtin exit 0
    mapfile -t -u "$context" lines
    exec {context}<&-
    # shellcheck disable=SC2206 # words, to be split
    words=(${lines[0]})
    builtin export -- "${lines[@]:1:words[0]}"
    if [[ -z ${words[1]-} ]]; then
        IFS=$'\n'
        __lambda_event="${lines[*]:words[0] + 1}" # with quotes: Bash 4.2 joins with spaces without
    else
        __lambda_slurp "${words[@]:1}"
    fi
    [[ -z $__lambda_options ]] || builtin set "-$__lambda_options"
}

__lambda_slurp() { # DESCRIPTOR [MARK]: its text without the mark at its end, in __lambda_event
    local LC_ALL=C # bytes take half the time of characters
    __lambda_event=$(<"$__lambda_fds/$1")
    [[ -z ${2-} ]] || __lambda_event=${__lambda_event%"$2"}
}

__lambda_hook() { # NAME: calls the user's function of that name, where there is one, in this very shell
    declare -F -- "$1" >/dev/null || return 0
    "$1"
    __lambda_status=$?
    ((__lambda_status == 0)) || __lambda_exit "$__lambda_status" # where the file has turned errexit off
}

# init: the file is loaded with the options that its events run with, and may turn them off
set -Eeuo pipefail
trap __lambda_failed ERR
if [[ -n $__lambda_function ]]; then
    # shellcheck source=/dev/null
    source "$0"
    if ! declare -F -- "$__lambda_function" >/dev/null; then
        LC_ALL=C __lambda_report undefined "$(compgen -A function)"
        builtin exit 1
    fi
    __lambda_run=("$__lambda_function")
else
    __lambda_run=(source "$0")
fi

# what the hooks set is there for events: no subshell is forked before them
if [[ -n $__lambda_snapshot ]]; then
    __lambda_report ready ''
    read -r __lambda_request <"$__lambda_requests" || builtin exit 0 # `checkpoint`
    __lambda_hook before_checkpoint
    __lambda_report ready ''
    read -r __lambda_request <"$__lambda_requests" || builtin exit 0 # `restore`
    read -r __lambda_request </proc/sys/kernel/random/uuid
    RANDOM=$((16#${__lambda_request%%-*}))
    __lambda_hook after_restore
fi

# between events nothing of the user's options and traps may stop this loop: they come back with the event
case $- in *e*) __lambda_options=e ;; *) __lambda_options= ;; esac
case $- in *x*) __lambda_options+=x ;; esac
{ set +emx; } 2>/dev/null
__lambda_trap=$(trap -p ERR)
trap - ERR DEBUG RETURN
# shellcheck disable=SC2086 # words, to be split
builtin unset -v $__lambda_variables

__lambda_report ready ''
while :; do
    __lambda_number=$((__lambda_number + 1))
    # at the top level, so that a script's variables are global; short, as Bash quotes it when a signal ends it
    (
        __lambda_next
        "${__lambda_run[@]}" "$__lambda_event"
        __lambda_exit "$?"
    )
    # as __lambda_report does it; Bash copies a function whenever it calls it
    __lambda_ended="$__lambda_number $?"
    builtin printf 'ended %d %s' "${#__lambda_ended}" "$__lambda_ended" >"$__lambda_reports" || builtin exit 0
done
