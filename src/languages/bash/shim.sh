# The shim inside Bash: `bash -c THIS FILE FUNCTION VARIABLES ERR FDS REQUESTS REPORTS TOKEN LANE LANE [snapshot]`.
#
#   $0  the user's file            $7       what the end of a handler begins with
#   $1  its function               $8-$11   the descriptors of the lane of even numbers: where a process waits,
#                                           the context, the event, the answer
#   $2  the variables that         $12-$15  those of odd numbers
#       events set, or lack        $16      `snapshot`, where there will be one
#   $3  `traps` where the file speaks of ERR: its traps are its own then, and ours would be in their way; behind it
#       ` shutdown` where it speaks of a hook for that
#   $4  /proc/PID/fd of the bootstrap
#   $5  the descriptor of the request pipe there
#   $6  the descriptor of the report pipe
#
# `src/worker/transport/frame.rs` describes what goes over them. A subshell is forked before its event comes and takes nothing from
# one event to the next. Nothing newer than Bash 4.2, no external command, no fork of its own while events run.
#
# The user's file may set any option, shadow or disable any builtin, and make any variable readonly. So all of this
# is parsed before the file is read (no alias reaches it), every name begins with `__lambda_`, no step splits words
# or asks IFS, LC_ALL or `case`, and every builtin is called by `builtin`, which
# __lambda_claim wins back, as it does `exec`: by way of `builtin` its redirections would end with it.

set +o posix # where `exit` may not be a function

__lambda_function=$1
# shellcheck disable=SC2206 # words, to be split
__lambda_variables=($2)
__lambda_own_traps=${3%% *}
__lambda_may_hook=${3#"$__lambda_own_traps"}
__lambda_fds=$4
__lambda_requests=$4/$5
__lambda_reports=$4/$6
__lambda_token=$7
__lambda_wakes=("$4/$8" "$4/${12}")
__lambda_contexts=("$4/$9" "$4/${13}")
__lambda_inputs=("$4/${10}" "$4/${14}")
__lambda_answers=("$4/${11}" "$4/${15}")
__lambda_snapshot=${16-}
__lambda_number=0
__lambda_odd=
__lambda_posix=
__lambda_extdebug=
__lambda_disabled=
__lambda_returned=
__lambda_line_end=$'\036'
__lambda_newline=$'\n'
__lambda_needed=(builtin compgen declare eval exec exit export local mapfile printf set shopt trap unset)
__lambda_lost="the file leaves no way to Bash's own commands: it makes a function \`builtin\` or \`exec\` readonly, or "
__lambda_lost+="disables \`enable\` with \`builtin\` or another that is needed"
set --

__lambda_report() { # NAME PAYLOAD: a line; up to 4 KiB it is one write
    builtin printf '%s - %s\n' "$1" "${2//"$__lambda_newline"/ }" >|"$__lambda_reports"
}

__lambda_trace() { # [WHERE [unknown]]: the call stack from the caller's caller outwards; the line of its first may
    # not be known
    builtin local __lambda_text __lambda_unknown __lambda_depth
    __lambda_text=$__lambda_number$__lambda_line_end${1-}
    __lambda_unknown=${2-}
    for ((__lambda_depth = 2; __lambda_depth < ${#FUNCNAME[@]}; __lambda_depth++)); do
        [[ ${FUNCNAME[__lambda_depth]} != __lambda_* ]] || break
        [[ ${FUNCNAME[__lambda_depth]} != exit ]] || continue
        __lambda_text+="${__lambda_line_end}at ${FUNCNAME[__lambda_depth]}"
        if [[ -n ${BASH_SOURCE[__lambda_depth]-} ]]; then # Bash 4.2 does not know it in an EXIT trap
            __lambda_text+=", ${BASH_SOURCE[__lambda_depth]}"
            [[ -n $__lambda_unknown ]] || __lambda_text+=": line ${BASH_LINENO[__lambda_depth - 1]-}"
        fi
        __lambda_unknown=
    done
    __lambda_report trace "${__lambda_text:0:1000}" # at most 4 bytes a character
}

__lambda_failed() { # STATUS COMMAND: the ERR trap; it exits itself, as Bash 4.2 would end a subshell with status 1
    [[ -z $__lambda_odd ]] || __lambda_claim || ((1))
    if [[ -o errexit ]]; then
        builtin local __lambda_command
        __lambda_command=${2//"$__lambda_line_end"/ }
        if ((${#FUNCNAME[@]} > 1)); then
            __lambda_trace "at line ${BASH_LINENO[0]}: \`${__lambda_command:0:200}\`"
        else # our own call of the handler, which says nothing
            __lambda_trace
        fi
        __lambda_returned=1
        builtin exit "$1"
    fi
    __lambda_trace
    [[ -z $__lambda_odd ]] || __lambda_return_builtins
}

exit() { # as the builtin, but it says where it stands
    {
        __lambda_status=${1-$?}
        [[ -z $__lambda_odd ]] || __lambda_claim || ((1))
        [[ $__lambda_status == 0 ]] || __lambda_trace
        __lambda_returned=1
    } 2>/dev/null
    builtin exit "$__lambda_status"
}

__lambda_exiting() { # STATUS: the EXIT trap of an event; a handler with one of its own replaces it
    [[ -z $__lambda_odd ]] || __lambda_claim || ((1))
    if [[ -z $__lambda_returned ]] && ((${#FUNCNAME[@]} > 1)); then
        # as at an unset variable: Bash no longer knows the line
        (($1 == 0)) || __lambda_trace '' unknown
    elif [[ /proc/self/fd/1 -ef $__lambda_answer ]]; then
        # one write; the loop below waits until the kernel has cleared the process away
        builtin printf '%s%d %s\n' "$__lambda_token" "$1" "${BASHPID-}"
    else
        __lambda_report exited "$__lambda_number $1 ${BASHPID-}"
    fi
}

__lambda_claim() { # for a file that has changed builtins: makes `builtin` and `exec` what they were, enables the others
    POSIXLY_CORRECT=y # now a function no longer goes before the builtin `unset`
    unset -f builtin exec || {
        enable unset || builtin enable unset
        unset -f builtin exec
    }
    builtin enable "${__lambda_needed[@]}" || enable "${__lambda_needed[@]}"
    builtin unset -v POSIXLY_CORRECT
    [[ -z $__lambda_posix ]] || builtin set -o posix
} >/dev/null 2>&1

__lambda_return_builtins() { # gives the file back what it has done to the builtins
    [[ -z $__lambda_disabled ]] || builtin enable -n "${__lambda_disabled[@]}"
    [[ -z $__lambda_builtin ]] || builtin eval "$__lambda_builtin"
}

__lambda_settle() { # what the file has set goes away, and comes back with each event; false where it cannot go
    # each in a fork: one ends where POSIXLY_CORRECT is readonly. With quotes, as their text is parsed when they run
    __lambda_odd=$(
        { POSIXLY_CORRECT=y; \trap - DEBUG; } >/dev/null
        \unset -f declare; \declare -f builtin exec; \enable -n
    ) || __lambda_odd=$(\unset -f declare; \declare -f builtin exec; \enable -n) || __lambda_odd=' '
    if [[ -n $__lambda_odd ]]; then
        __lambda_builtin=$(
            { POSIXLY_CORRECT=y; \trap - DEBUG; } >/dev/null
            \unset -f declare; \declare -f builtin exec
        )
        __lambda_claimed=$(
            { POSIXLY_CORRECT=y; \trap - DEBUG; } >/dev/null
            \unset -f enable; \enable -n || \builtin enable -n
        )
        __lambda_claim || ((1))
        builtin mapfile -t __lambda_disabled <<<"${__lambda_claimed//enable -n /}"
        __lambda_enabled=$__lambda_newline$(\builtin compgen -A enabled)$__lambda_newline
        [[ -z $(\builtin declare -F builtin exec) ]] || return 1
        for __lambda_name in "${__lambda_needed[@]}"; do
            [[ $__lambda_enabled == *"$__lambda_newline$__lambda_name$__lambda_newline"* ]] || return 1
        done
    fi
    __lambda_options=()
    # not verbose, which would show our traps
    for __lambda_name in allexport errexit errtrace functrace keyword nounset posix xtrace; do
        [[ ! -o $__lambda_name ]] || __lambda_options+=(-o "$__lambda_name")
    done
    [[ ! -o posix ]] || __lambda_posix=1
    builtin set +aekmuvxT || return 1
    builtin trap - DEBUG RETURN
    ! builtin shopt -q extdebug || __lambda_extdebug=1
    builtin shopt -u extdebug
    builtin set -E +o posix
    __lambda_trap=$(\builtin trap -p ERR)
    builtin set +E
    builtin trap - ERR
    builtin unset -v "${__lambda_variables[@]}"
    builtin export -n "${!__lambda_@}"
}

__lambda_next() { # waits for an event and makes it this subshell's own
    __lambda_lane=$((__lambda_number % 2))
    __lambda_returned=
    __lambda_answer=${__lambda_answers[__lambda_lane]}
    exec <"${__lambda_inputs[__lambda_lane]}" >|"$__lambda_answer" \
        {__lambda_context}<"${__lambda_contexts[__lambda_lane]}"
    __lambda_retrap
    builtin mapfile -n 1 __lambda_lines <"${__lambda_wakes[__lambda_lane]}"
    ((${#__lambda_lines[@]})) || builtin exit 0
    builtin trap '{ __lambda_exiting "$?"; } 2>/dev/null' EXIT
    builtin mapfile -u "$__lambda_context" __lambda_lines
    exec {__lambda_context}<&-
    __lambda_head=${__lambda_lines[0]%"$__lambda_newline"}
    __lambda_count=${__lambda_head%% *}
    if ((__lambda_count)); then # without an argument `export` prints what there is
        __lambda_set=("${__lambda_lines[@]:1:__lambda_count}")
        builtin export -- "${__lambda_set[@]%"$__lambda_newline"}" 2>/dev/null
    fi
    if [[ $__lambda_head == "$__lambda_count" ]]; then
        builtin printf -v __lambda_event %s "${__lambda_lines[@]:__lambda_count + 1}"
    else
        __lambda_slurp "${__lambda_head#* }" 2>/dev/null
    fi
    __lambda_give_back
}

__lambda_retrap() { # the ERR trap; as it is not inherited yet, none of our own steps runs into it
    [[ -z $__lambda_trap ]] || builtin eval "\\builtin $__lambda_trap"
}

__lambda_give_back() { # what __lambda_settle took
    [[ -z $__lambda_extdebug ]] || builtin shopt -s extdebug
    if [[ -z $__lambda_odd ]]; then
        builtin set +m "${__lambda_options[@]}"
    else
        { builtin set +m "${__lambda_options[@]}"; __lambda_return_builtins; } 2>/dev/null
    fi
}

__lambda_slurp() { # DESCRIPTOR [MARK], in one word: its text without the mark at its end, in __lambda_event
    builtin local LC_ALL=C # where it may be changed: bytes take half the time of characters
    __lambda_event=$(<"$__lambda_fds/${1%% *}")
    [[ $1 == "${1%% *}" ]] || __lambda_event=${__lambda_event%"${1#* }"}
}

__lambda_hook() { # NAME: calls the user's function of that name, where there is one, in this very shell
    builtin declare -F -- "$1" >/dev/null || return 0
    "$1"
    __lambda_status=$?
    ((__lambda_status == 0)) || exit "$__lambda_status" # where the file has turned errexit off
}

__lambda_note_shutdown_hook() { # a trap for SIGTERM, or the function `on_shutdown`, which becomes one
    builtin local __lambda_trap_of_term
    if builtin declare -F -- on_shutdown >/dev/null; then
        builtin trap 'on_shutdown; builtin exit 0' TERM
    fi
    __lambda_trap_of_term=$(builtin trap -p TERM)
    [[ -z $__lambda_trap_of_term || $__lambda_trap_of_term == "trap -- '' SIGTERM" ]] || __lambda_report shutdown-hook ''
}

__lambda_wait() { # waits for a request; what it is, is known from when it comes
    builtin mapfile -n 1 __lambda_lines <"$__lambda_requests"
    ((${#__lambda_lines[@]})) || builtin exit 0
}

# The file is loaded with the options that its events run with, and may turn them off. One group, parsed before any of
# it runs; at the top level, so that what the file declares is global.
{
    [[ -n $__lambda_own_traps ]] || set -E
    set -euo pipefail
    [[ -n $__lambda_own_traps ]] || trap '{ __lambda_failed "$?" "$BASH_COMMAND"; } 2>/dev/null' ERR
    # shellcheck source=/dev/null
    source "$0"

    { if __lambda_settle; then __lambda_settled=1; fi; } >/dev/null 2>&1
    __lambda_settled=${__lambda_settled:?"$__lambda_lost"}
    if ! builtin declare -F -- "$__lambda_function" >/dev/null; then
        __lambda_names=$(\builtin compgen -A function)
        __lambda_report undefined "${__lambda_names//"$__lambda_newline"/"$__lambda_line_end"}"
        builtin exit 1
    fi

    [[ -z $__lambda_may_hook ]] || { __lambda_note_shutdown_hook; } 2>/dev/null

    # events see the variables that hooks set: no subshell is forked before the hooks have run
    if [[ -n $__lambda_snapshot ]]; then
        __lambda_report ready ''
        __lambda_wait # `checkpoint`
        __lambda_retrap
        __lambda_give_back
        __lambda_hook before_checkpoint
        { __lambda_settle; } >/dev/null 2>&1
        __lambda_report ready ''
        __lambda_wait # `restore`
        builtin mapfile -n 1 __lambda_lines </proc/sys/kernel/random/uuid
        RANDOM=$((16#${__lambda_lines[0]%%-*}))
        __lambda_retrap
        __lambda_give_back
        __lambda_hook after_restore
        { __lambda_settle; } >/dev/null 2>&1
    fi

    __lambda_report ready ''
    while ((1)); do
        __lambda_number=$((__lambda_number + 1))
        # short, as Bash quotes it when a signal ends it
        (
            __lambda_next
            "$__lambda_function" "$__lambda_event"
        )
        # as __lambda_report does it; Bash copies a function whenever it calls it
        __lambda_ended="$__lambda_number $?"
        builtin printf 'ended %d %s' "${#__lambda_ended}" "$__lambda_ended" >|"$__lambda_reports" || builtin exit 0
    done
}
