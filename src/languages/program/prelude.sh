# Bash runs this before a program, as BASH_ENV says: it reports where a command fails, and leaves
# nothing but names that begin with `__lambda_`. bootstrap puts in the path for reports and the user's own BASH_ENV.
# A report is one line: process, status, depth of the subshell, the command with its line, and the frames, innermost
# first, with record separators between them.
__lambda_last=$_

__lambda_failed() { # STATUS COMMAND STATUSES
    builtin local __lambda_report __lambda_place __lambda_known __lambda_depth
    # a compound command whose redirection fails leaves the command before it in BASH_COMMAND, and its status
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
    # it may set a trap of its own, and options
    # shellcheck source=/dev/null
    . "$BASH_ENV"
fi
: "$__lambda_last"
