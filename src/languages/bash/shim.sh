# The shim inside Bash:
# `bash -c THIS FILE FUNCTION VARIABLES OPTIONS DURABLE FDS REQUESTS REPORTS NOTES LANE LANE [snapshot]`.
#
#   $0  the user's file            $8       the descriptor of a file for notes
#   $1  its function               $9-$12   the descriptors of the lane for even numbers: `wake`,
#   $2  the variables that                  `context`, `event`, `answer`
#       events set or unset        $13-$16  the same for odd numbers
#   $3  OPTIONS, see below         $17      `snapshot`, if one follows
#   $4  the function `durable`
#   $5  /proc/PID/fd of the bootstrap
#   $6, $7  the descriptors of the request pipe and the report pipe there
#
# OPTIONS contains `stack` if neither the file nor a file that it sources can notice an ERR trap, and `shutdown` if the
# file may have a hook for the shutdown. The bootstrap replaces @HANDLER@ by the function's name.
#
# `src/worker/transport/frame.rs` describes the protocol on the pipes. Each event has its own subshell, which is forked
# before the event comes. This shell waits for the subshell's status: once the handler has begun, only the ERR trap of
# the shim runs in the subshell. The shim uses nothing newer than Bash 4.2, and no external command.
#
# The user's file may set any option, shadow or disable any builtin, and make any variable readonly. So the whole shim
# is parsed before the file is read (aliases do not affect it), every name begins with `__lambda_`, no step splits words
# or depends on IFS, LC_ALL or `case`, and every builtin is called by `builtin`. __lambda_claim restores `builtin` and
# `exec`; `exec` is called without `builtin`, because its redirections would end with it.
#
# The file may use up the descriptors. To redirect a descriptor, Bash copies it to a number from 10 on, except in a
# subshell or if the descriptor is closed. So most steps read from descriptor 9, and `( )` first closes descriptors that
# it redirects.

set +o posix # in posix mode, `exit` cannot be a function
unset -v BASH_EXECUTION_STRING # the text of the shim

__lambda_function=$1
# shellcheck disable=SC2206 # words, to be split
__lambda_variables=($2)
__lambda_stack=
[[ $3 != *stack* ]] || __lambda_stack=1
__lambda_may_hook=
[[ $3 != *shutdown* ]] || __lambda_may_hook=1
__lambda_durable=$4
__lambda_fds=$5
__lambda_requests=$5/$6
__lambda_reports=$5/$7
__lambda_notes=$5/$8
__lambda_wakes=("$5/$9" "$5/${13}")
__lambda_contexts=("$5/${10}" "$5/${14}")
__lambda_inputs=("$5/${11}" "$5/${15}")
__lambda_answers=("$5/${12}" "$5/${16}")
__lambda_snapshot=${17-}
__lambda_number=0
__lambda_log=
__lambda_odd=
__lambda_builtin=
__lambda_few=
__lambda_posix=
__lambda_extdebug=
__lambda_traced=
__lambda_asked=
__lambda_lacks=
__lambda_settled=
__lambda_disabled=
__lambda_trap=
__lambda_called=
__lambda_line_end=$'\036'
__lambda_newline=$'\n'
__lambda_needed=(builtin compgen declare eval exec exit export local mapfile printf read set shopt trap unset)
__lambda_lost="the file leaves no way to Bash's own commands: it makes a function \`builtin\` or \`exec\` readonly, or "
__lambda_lost+="disables \`enable\` with \`builtin\` or another that is needed"
__lambda_exhausted='{"errorType":"Runtime.ResourceExhausted","errorMessage":"the file leaves too few descriptors for an event: '
# shellcheck disable=SC2016 # no expansion is meant
__lambda_exhausted+='close what it opens, or raise `ulimit -n`"}'
set --

__lambda_report() { # NAME PAYLOAD: sends a line, in one write up to 4 KiB
    if [[ -z $__lambda_few ]]; then
        builtin printf '%s - %s\n' "$1" "${2//"$__lambda_newline"/ }" >|"$__lambda_reports"
    else
        (builtin printf '%s - %s\n' "$1" "${2//"$__lambda_newline"/ }") >&- >|"$__lambda_reports"
    fi
}

__lambda_failed() { # STATUS COMMAND STATUSES: the ERR trap; it reports the failure that ends the shell
    [[ -o errexit ]] || return 0
    [[ -z $__lambda_odd ]] || __lambda_claim || ((1))
    # the function `durable` failed: report the call, not the last command in it
    # shellcheck disable=SC2016 # no expansion is meant
    [[ $2 != 'builtin return "$__lambda_status"' ]] || builtin set -- "$1" "${__lambda_called% }" "${@:3}"
    builtin local __lambda_text __lambda_place __lambda_known __lambda_depth
    # if a redirection of a compound command fails, BASH_COMMAND and the status are still those of the previous command
    __lambda_known=
    for __lambda_text in "${@:3}"; do
        ((__lambda_text != $1)) || __lambda_known=1
    done
    __lambda_place=${2//"$__lambda_line_end"/ }
    if [[ $2 == '[[ '* || $2 == '(('* ]]; then
        __lambda_known=1
    elif (($# > 3)) && [[ ${!#} == 0 ]]; then # the last command of a pipeline, in which another has failed
        __lambda_place="... | $__lambda_place"
    fi
    __lambda_place="\`${__lambda_place:0:200}\`"
    if ((${#FUNCNAME[@]} > 1)); then
        if [[ -n $__lambda_known ]]; then
            __lambda_text=
            ((__lambda_number)) || __lambda_text=" of ${BASH_SOURCE[1]}"
            __lambda_place="at line ${BASH_LINENO[0]}$__lambda_text: $__lambda_place"
        elif ((__lambda_number)); then
            __lambda_place=
        else
            __lambda_place="in ${BASH_SOURCE[1]}"
        fi
    elif ((__lambda_number)); then # the handler has returned the status
        [[ -n $__lambda_known && $2 != return* ]] && __lambda_place="at $__lambda_place" || __lambda_place=
    else
        __lambda_place="in $0"
    fi
    __lambda_text=$__lambda_number$__lambda_line_end$1$__lambda_line_end
    __lambda_text+=$((BASH_SUBSHELL - (__lambda_number > 0)))$__lambda_line_end$__lambda_place
    for ((__lambda_depth = 1; __lambda_depth < ${#FUNCNAME[@]}; __lambda_depth++)); do
        [[ ${FUNCNAME[__lambda_depth]} != __lambda_* ]] || break
        __lambda_text+="${__lambda_line_end}at ${FUNCNAME[__lambda_depth]}, ${BASH_SOURCE[__lambda_depth]-}"
        [[ -z $__lambda_known ]] || __lambda_text+=": line ${BASH_LINENO[__lambda_depth - 1]-}"
        __lambda_known=1
    done
    __lambda_report trace "${__lambda_text:0:1000}" # a character has at most 4 bytes
    [[ -z $__lambda_odd ]] || __lambda_return_builtins
}

__lambda_claim() { # if the file has changed builtins: restores `builtin` and `exec`, enables the others
    POSIXLY_CORRECT=y # now the builtin `unset` takes precedence over a function
    unset -f builtin exec || {
        enable unset || builtin enable unset
        unset -f builtin exec
    }
    builtin enable "${__lambda_needed[@]}" || enable "${__lambda_needed[@]}"
    builtin unset -v POSIXLY_CORRECT
    [[ -z $__lambda_posix ]] || builtin set -o posix
} >/dev/null 2>&1

__lambda_return_builtins() { # sets the builtins again as the file has changed them
    [[ -z $__lambda_disabled ]] || builtin enable -n "${__lambda_disabled[@]}"
    [[ -z $__lambda_builtin ]] || builtin eval "$__lambda_builtin"
}

__lambda_trap_of() { # SIGNAL: sets __lambda_text to the command that sets the file's trap
    __lambda_text=
    if [[ -z $__lambda_few ]]; then
        builtin trap -p "$1" >|"$__lambda_notes"
    else
        (builtin trap -p "$1") >&- >|"$__lambda_notes"
    fi
    __lambda_lines=()
    builtin mapfile -u 9 __lambda_lines 9<"$__lambda_notes"
    ((!${#__lambda_lines[@]})) || builtin printf -v __lambda_text %s '\builtin ' "${__lambda_lines[@]}"
}

__lambda_settle() { # saves and resets the settings of the file; each event restores them; fails if one cannot be reset
    # each in a fork, which ends if POSIXLY_CORRECT is readonly; quoted, because the text is parsed when it runs
    (
        { POSIXLY_CORRECT=y; \trap - DEBUG; } >/dev/null
        \unset -f declare; \declare -f builtin exec; \enable -n
    ) >&- >|"$__lambda_notes" || (\unset -f declare; \declare -f builtin exec; \enable -n) >&- >|"$__lambda_notes" ||
        __lambda_odd=1
    [[ ! -s $__lambda_notes ]] || __lambda_odd=1
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
    # no descriptor from 10 on is left
    if exec {__lambda_log}>&2; then exec {__lambda_log}>&-; else __lambda_few=1; fi
    __lambda_log=
    __lambda_traced=
    if [[ -o functrace ]]; then
        __lambda_trap_of DEBUG
        __lambda_traced=$__lambda_text
        __lambda_trap_of RETURN
        __lambda_traced=$__lambda_text$__lambda_traced
    fi
    builtin trap - DEBUG RETURN
    __lambda_options=()
    for __lambda_name in allexport errexit errtrace functrace keyword nounset posix verbose xtrace; do
        [[ ! -o $__lambda_name ]] || __lambda_options+=(-o "$__lambda_name")
    done
    [[ ! -o posix ]] || __lambda_posix=1
    # without -E, functions and subshells have no ERR trap; `verbose` would show the shim
    __lambda_trap_of ERR
    __lambda_trap=$__lambda_text
    [[ ! -o verbose && -z $__lambda_few || -z $__lambda_stack ]] || __lambda_trap=
    builtin set +aekmuvxET || return 1
    ! builtin shopt -q extdebug || __lambda_extdebug=1
    builtin shopt -u extdebug
    builtin set +o posix
    builtin trap - ERR
    builtin unset -v "${__lambda_variables[@]}"
    builtin export -n "${!__lambda_@}"
}

__lambda_next() { # waits for an event, and sets its environment in this subshell
    builtin mapfile -n 1 -u 9 __lambda_lines 9<"${__lambda_wakes[__lambda_lane]}"
    ((${#__lambda_lines[@]})) || builtin exit 0
    builtin mapfile -u 9 __lambda_lines 9<"${__lambda_contexts[__lambda_lane]}" || __lambda_give_up
    __lambda_head=${__lambda_lines[0]%"$__lambda_newline"}
    __lambda_count=${__lambda_head%% *}
    if ((__lambda_count)); then # without an argument, `export` prints all variables
        __lambda_set=("${__lambda_lines[@]:1:__lambda_count}")
        __lambda_quietly builtin export -- "${__lambda_set[@]%"$__lambda_newline"}"
    fi
    if [[ $__lambda_head == "$__lambda_count" ]]; then
        builtin printf -v __lambda_event %s "${__lambda_lines[@]:__lambda_count + 1}"
    else
        __lambda_quietly __lambda_slurp "${__lambda_head#* }" || __lambda_give_up
    fi
    [[ -z ${DURABLE_SOCKET-} ]] || __lambda_define_durable
    __lambda_give_back
}

__lambda_define_durable() { # the command `durable` as a function, which can call functions of the file
    if __lambda_defines durable; then
        builtin return
    elif builtin shopt -q expand_aliases; then
        builtin shopt -u expand_aliases
        builtin eval "$__lambda_durable"
        builtin shopt -s expand_aliases
    else
        builtin eval "$__lambda_durable"
    fi
}

__lambda_quietly() { # COMMAND…
    if [[ -z $__lambda_few ]]; then "$@" 2>/dev/null; else "$@"; fi
}

__lambda_slurp() { # DESCRIPTOR [MARK], in one word: sets __lambda_event to its text without the mark at the end
    builtin local LC_ALL=C # if it may be changed: bytes take half the time of characters
    __lambda_event=$(<"$__lambda_fds/${1%% *}") || return
    [[ $1 == "${1%% *}" ]] || __lambda_event=${__lambda_event%"${1#* }"}
}

__lambda_give_up() { # an event that cannot be read
    (builtin printf 'failure - %s\n' "$__lambda_exhausted") >&- >|"$__lambda_reports"
    builtin exit 1
}

__lambda_lack() { # no descriptors are left for an event: the subshell reads from standard input
    builtin mapfile -n 1 __lambda_lines
    ((${#__lambda_lines[@]})) || builtin exit 0
    __lambda_give_up
}

__lambda_give_back() { # restores the settings that __lambda_settle saved
    [[ -z $__lambda_trap ]] || builtin eval "$__lambda_trap"
    [[ -z $__lambda_extdebug ]] || builtin shopt -s extdebug
    if [[ -z $__lambda_odd ]]; then
        builtin set +m "${__lambda_options[@]}"
    else
        { builtin set +m "${__lambda_options[@]}"; __lambda_return_builtins; } 2>/dev/null
    fi
}

__lambda_defines() { # FUNCTION
    if [[ -z $__lambda_few ]]; then
        builtin declare -F -- "$1" >/dev/null
    else
        (builtin declare -F -- "$1") >&- >/dev/null
    fi
}

__lambda_hook() { # NAME: calls the user's function of that name, if there is one, in this shell itself
    __lambda_give_back
    if __lambda_defines "$1"; then
        "$1"
        __lambda_status=$?
        ((__lambda_status == 0)) || builtin exit "$__lambda_status" # if the file has turned errexit off
    fi
    { __lambda_settle; builtin trap - DEBUG ERR RETURN; } >/dev/null 2>&1 || ((1))
    __lambda_report ready ''
}

__lambda_note_shutdown_hook() { # reports a trap for SIGTERM, or the function `on_shutdown`, which a request calls
    __lambda_trap_of TERM
    if __lambda_defines on_shutdown; then
        __lambda_asked=1
        __lambda_report shutdown-hook ''
    elif [[ -n $__lambda_text && $__lambda_text != *" -- '' SIGTERM$__lambda_newline" ]]; then
        __lambda_report shutdown-hook signal
        # a signal can come while standard error is the notes file. A file that may print its traps keeps its own trap
        if [[ -n $__lambda_stack ]]; then
            __lambda_words=()
            builtin eval "__lambda_words=(${__lambda_text#\\builtin })"
            __lambda_hook_text=${__lambda_words[2]}
            # shellcheck disable=SC2016 # expanded when the signal comes
            builtin trap 'if [[ -n $__lambda_log && -e /proc/self/fd/$__lambda_log ]]; then
                { \builtin eval "$__lambda_hook_text"; } 2>&"$__lambda_log"
            else
                \builtin eval "$__lambda_hook_text"
            fi' TERM
        fi
    fi
}

__lambda_wait() { # waits for a request; the time at which it comes shows its kind
    builtin mapfile -n 1 -u 9 __lambda_lines 9<"$__lambda_requests"
    ((${#__lambda_lines[@]})) || builtin exit 0
}

__lambda_ended() { # STATUS: reports the end of the subshell; after a signal, Bash has written a message to the notes
    builtin local __lambda_signal
    __lambda_signal=
    if [[ -n $__lambda_log ]]; then
        exec 2>&"$__lambda_log" {__lambda_log}>&-
        __lambda_log=
    fi
    (($1 <= 128)) || [[ -n $__lambda_few || ! -s $__lambda_notes ]] || __lambda_signal=' signal'
    __lambda_report ended "$__lambda_number $1$__lambda_signal" || builtin exit 0
}

# The file is loaded with the options of events, and may turn them off. All this is one group, so that it is parsed
# before it runs. It is at the top level, so that declarations of the file are global.
{
    if [[ -n $__lambda_stack ]]; then
        set -E
        trap '{ __lambda_failed "$?" "$BASH_COMMAND" "${PIPESTATUS[@]}"; } 2>/dev/null || ((1))' ERR
    fi
    set -euo pipefail
    # shellcheck source=/dev/null
    source "$0"

    # traps are reset again at the top level: a function restores traps that it does not inherit
    { if __lambda_settle; then builtin trap - DEBUG ERR RETURN; __lambda_settled=1; fi; } >/dev/null 2>&1 || {
        __lambda_few=1
        if __lambda_settle; then builtin trap - DEBUG ERR RETURN; __lambda_settled=1; fi
    }
    __lambda_settled=${__lambda_settled:?"$__lambda_lost"}
    if ! __lambda_defines "$__lambda_function" && # a function `builtin` or `exec` is there in events alone
        [[ $__lambda_newline$__lambda_builtin != *"$__lambda_newline$__lambda_function () "* ]]; then
        __lambda_names=$(\builtin compgen -A function)
        __lambda_report undefined "${__lambda_names//"$__lambda_newline"/"$__lambda_line_end"}"
        builtin exit 1
    fi
    [[ -z $__lambda_may_hook ]] || __lambda_note_shutdown_hook

    # events see variables that hooks set: the first subshell is forked after the hooks
    if [[ -n $__lambda_snapshot ]]; then
        __lambda_report ready ''
        __lambda_wait # `checkpoint`
        __lambda_hook before_checkpoint
        __lambda_wait # `restore`
        builtin mapfile -n 1 -u 9 __lambda_lines 9</proc/sys/kernel/random/uuid
        RANDOM=$((16#${__lambda_lines[0]%%-*}))
        __lambda_hook after_restore
    else
        __lambda_report ready ''
    fi

    { ((1)); } 9<"$__lambda_notes" || __lambda_lacks=1
    while ((1)); do
        __lambda_number=$((__lambda_number + 1))
        __lambda_lane=$((__lambda_number % 2))
        if [[ -n $__lambda_lacks ]]; then
            (__lambda_lack) <&- >&- <"${__lambda_wakes[__lambda_lane]}" >|"$__lambda_reports"
        elif [[ -n $__lambda_few || ! -e /proc/self/fd/2 ]]; then
            (
                __lambda_next "$0"
                @HANDLER@ "$__lambda_event"
            ) <&- >&- <"${__lambda_inputs[__lambda_lane]}" >|"${__lambda_answers[__lambda_lane]}"
        # by `exec`: for a group with a redirection, Bash keeps a descriptor in the subshell, which hides one of the file
        elif exec {__lambda_log}>&2 2>|"$__lambda_notes" && [[ -z $__lambda_traced ]]; then
            (
                __lambda_next "$0"
                @HANDLER@ "$__lambda_event"
            ) <&- >&- <"${__lambda_inputs[__lambda_lane]}" >|"${__lambda_answers[__lambda_lane]}" \
                2>&"$__lambda_log" {__lambda_log}>&-
        else
            (
                __lambda_next
                { \builtin eval "$__lambda_traced #" "$0"; } 2>/dev/null
                @HANDLER@ "$__lambda_event"
            ) <&- >&- <"${__lambda_inputs[__lambda_lane]}" >|"${__lambda_answers[__lambda_lane]}" \
                2>&"$__lambda_log" {__lambda_log}>&-
        fi
        __lambda_ended "$?"
        if [[ -n $__lambda_asked ]] && builtin read -t 0 -u 9 9<"$__lambda_requests"; then
            __lambda_wait # `shutdown`
            __lambda_number=0
            __lambda_hook on_shutdown
            __lambda_wait
        fi
    done
}
