# Bash runs this file before a program, because BASH_ENV names it. It reports failing commands, and defines only names
# that begin with `__lambda_`. bootstrap inserts the path for reports and the user's own BASH_ENV. A report is one line:
# process, status, depth of the subshell, the command with its line, and the frames, innermost first, with record
# separators between them.
__lambda_last=$_

__lambda_failed() { # STATUS COMMAND STATUSES
    builtin local __lambda_report __lambda_place __lambda_known __lambda_depth
    # if a redirection of a compound command fails, BASH_COMMAND and the status are still those of the previous command
    __lambda_known=
    for __lambda_report in "${@:3}"; do
        ((__lambda_report != $1)) || __lambda_known=1
    done
    __lambda_place=${2//[$'\n\036']/ }
    if [[ $2 == '[[ '* || $2 == '(('* ]]; then
        __lambda_known=1
    elif (($# > 3)) && [[ ${!#} == 0 ]]; then # the last command of a pipeline, in which another has failed
        __lambda_place="... | $__lambda_place"
    fi
    __lambda_place="at line ${BASH_LINENO[0]}: \`${__lambda_place:0:200}\`"
    [[ -n $__lambda_known ]] || __lambda_place=
    __lambda_report="$$"$'\036'"$1"$'\036'"$BASH_SUBSHELL"$'\036'"$__lambda_place"
    for ((__lambda_depth = 1; __lambda_depth < ${#FUNCNAME[@]}; __lambda_depth++)); do
        __lambda_report+=$'\036'"at ${FUNCNAME[__lambda_depth]}, ${BASH_SOURCE[__lambda_depth]-}"
        [[ -z $__lambda_known ]] || __lambda_report+=": line ${BASH_LINENO[__lambda_depth - 1]-}"
        __lambda_known=1
    done
    builtin printf '%s\n' "$__lambda_report" >>'@REPORTS@'
}

trap '{ __lambda_failed "$?" "$BASH_COMMAND" "${PIPESTATUS[@]}"; } 2>/dev/null || ((1))' ERR
set -E
unset BASH_ENV
@OWN_BASH_ENV@
if [[ -r ${BASH_ENV-} ]]; then
    # it may set options and its own trap
    # shellcheck source=/dev/null
    . "$BASH_ENV"
fi
: "$__lambda_last"
