# The shim inside Bash:
# `bash -c THIS FILE FUNCTION VARIABLES OPTIONS DURABLE FDS REQUESTS REPORTS NOTES LANE LANE [snapshot]`.
#
#   $0  the user's file            $8       the descriptor of a file for notes
#   $1  its function               $9-$12   the descriptors of the lane of even numbers: where a process waits,
#   $2  the variables that                  the context, the event, the answer
#       events set, or lack        $13-$16  those of odd numbers
#   $3  OPTIONS, see below         $17      `snapshot`, where there will be one
#   $4  the function `durable`
#   $5  /proc/PID/fd of the bootstrap
#   $6, $7  the descriptors of the request pipe and the report pipe there
#
# OPTIONS holds `stack` where neither the file nor a file that it sources can notice an ERR trap, and `shutdown` where
# the file may have a hook for the shutdown. The bootstrap puts the function's name in place of @HANDLER@.
#
# `src/worker/transport/frame.rs` describes what goes over the pipes. A subshell is forked before its event comes and
# takes nothing from one event to the next. Its status is the one that this shell waits for: once the handler has
# begun, nothing of ours runs in it but the ERR trap. Nothing newer than Bash 4.2, no external command.
#
# The user's file may set any option, shadow or disable any builtin, and make any variable readonly. So all of this
# is parsed before the file is read (no alias reaches it), every name begins with `__lambda_`, no step splits words
# or asks IFS, LC_ALL or `case`, and every builtin is called by `builtin`, which
# __lambda_claim wins back, as it does `exec`: by way of `builtin` its redirections would end with it.
#
# The file may use up the descriptors. Bash copies a descriptor that it redirects to a number from 10 on, but not for a
# subshell, and not one that is closed: so most steps read from 9, and `( )` closes what it redirects first.

set +o posix # where `exit` may not be a function
unset -v BASH_EXECUTION_STRING # this text

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

__lambda_report() { # NAME PAYLOAD: a line; up to 4 KiB it is one write
    if [[ -z $__lambda_few ]]; then
        builtin printf '%s - %s\n' "$1" "${2//"$__lambda_newline"/ }" >|"$__lambda_reports"
    else
        (builtin printf '%s - %s\n' "$1" "${2//"$__lambda_newline"/ }") >&- >|"$__lambda_reports"
    fi
}

__lambda_failed() { # STATUS COMMAND STATUSES: the ERR trap; it reports what ends the shell, and changes nothing
    [[ -o errexit ]] || return 0
    [[ -z $__lambda_odd ]] || __lambda_claim || ((1))
    # the function `durable` has returned it: its own last command would be named
    # shellcheck disable=SC2016 # no expansion is meant
    [[ $2 != 'builtin return "$__lambda_status"' ]] || builtin set -- "$1" "${__lambda_called% }" "${@:3}"
    builtin local __lambda_text __lambda_place __lambda_known __lambda_depth
    # a compound command whose redirection fails leaves the command before it in BASH_COMMAND, and its status
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
    elif ((__lambda_number)); then # the handler has returned it
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
    __lambda_report trace "${__lambda_text:0:1000}" # at most 4 bytes a character
    [[ -z $__lambda_odd ]] || __lambda_return_builtins
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

__lambda_trap_of() { # SIGNAL: the command that sets the file's trap, in __lambda_text
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

__lambda_settle() { # what the file has set goes away, and comes back with each event; false where it cannot go
    # each in a fork: one ends where POSIXLY_CORRECT is readonly. With quotes, as their text is parsed when they run
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
    # without a descriptor from 10 on
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
    # without -E it is none of functions and subshells; `verbose` would show ours
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

__lambda_next() { # waits for an event and makes it this subshell's own
    builtin mapfile -n 1 -u 9 __lambda_lines 9<"${__lambda_wakes[__lambda_lane]}"
    ((${#__lambda_lines[@]})) || builtin exit 0
    builtin mapfile -u 9 __lambda_lines 9<"${__lambda_contexts[__lambda_lane]}" || __lambda_give_up
    __lambda_head=${__lambda_lines[0]%"$__lambda_newline"}
    __lambda_count=${__lambda_head%% *}
    if ((__lambda_count)); then # without an argument `export` prints what there is
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

__lambda_define_durable() { # the command as a function, which can call functions of the file
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

__lambda_slurp() { # DESCRIPTOR [MARK], in one word: its text without the mark at its end, in __lambda_event
    builtin local LC_ALL=C # where it may be changed: bytes take half the time of characters
    __lambda_event=$(<"$__lambda_fds/${1%% *}") || return
    [[ $1 == "${1%% *}" ]] || __lambda_event=${__lambda_event%"${1#* }"}
}

__lambda_give_up() { # an event that cannot be read
    (builtin printf 'failure - %s\n' "$__lambda_exhausted") >&- >|"$__lambda_reports"
    builtin exit 1
}

__lambda_lack() { # an event for which there are no descriptors: its subshell reads from where it waits
    builtin mapfile -n 1 __lambda_lines
    ((${#__lambda_lines[@]})) || builtin exit 0
    __lambda_give_up
}

__lambda_give_back() { # what __lambda_settle took
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

__lambda_hook() { # NAME: calls the user's function of that name, where there is one, in this very shell
    __lambda_give_back
    if __lambda_defines "$1"; then
        "$1"
        __lambda_status=$?
        ((__lambda_status == 0)) || builtin exit "$__lambda_status" # where the file has turned errexit off
    fi
    { __lambda_settle; builtin trap - DEBUG ERR RETURN; } >/dev/null 2>&1 || ((1))
    __lambda_report ready ''
}

__lambda_note_shutdown_hook() { # a trap for SIGTERM, or the function `on_shutdown`, which is asked for
    __lambda_trap_of TERM
    if __lambda_defines on_shutdown; then
        __lambda_asked=1
        __lambda_report shutdown-hook ''
    elif [[ -n $__lambda_text && $__lambda_text != *" -- '' SIGTERM$__lambda_newline" ]]; then
        __lambda_report shutdown-hook signal
        # a signal can come while standard error is the notes. A file that may print its traps keeps its own text
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

__lambda_wait() { # waits for a request; what it is, is known from when it comes
    builtin mapfile -n 1 -u 9 __lambda_lines 9<"$__lambda_requests"
    ((${#__lambda_lines[@]})) || builtin exit 0
}

__lambda_ended() { # STATUS: says how the subshell has ended; of a signal Bash has spoken, in the notes
    builtin local __lambda_signal
    __lambda_signal=
    if [[ -n $__lambda_log ]]; then
        exec 2>&"$__lambda_log" {__lambda_log}>&-
        __lambda_log=
    fi
    (($1 <= 128)) || [[ -n $__lambda_few || ! -s $__lambda_notes ]] || __lambda_signal=' signal'
    __lambda_report ended "$__lambda_number $1$__lambda_signal" || builtin exit 0
}

# The file is loaded with the options that its events run with, and may turn them off. One group, parsed before any of
# it runs; at the top level, so that what the file declares is global.
{
    if [[ -n $__lambda_stack ]]; then
        set -E
        trap '{ __lambda_failed "$?" "$BASH_COMMAND" "${PIPESTATUS[@]}"; } 2>/dev/null || ((1))' ERR
    fi
    set -euo pipefail
    # shellcheck source=/dev/null
    source "$0"

    # once more at the top level: a function gives back the traps that it does not inherit
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

    # events see the variables that hooks set: no subshell is forked before the hooks have run
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
        # by `exec`: of a group with such a redirection Bash keeps a descriptor in the subshell, which hides one of the file
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
