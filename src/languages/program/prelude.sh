# Bash runs this before a program, as BASH_ENV says: it reports where a command fails, and leaves
# nothing but names that begin with `__lambda_`. bootstrap puts in the path for reports and the user's own BASH_ENV.
# A report is one line: process and status; behind each record separator the command, then the frames, innermost first.
__lambda_last=$_

__lambda_failed() { # STATUS COMMAND
    builtin local __lambda_report __lambda_depth
    __lambda_report=${2//[$'\n\036']/ }
    __lambda_report="$$ $1"$'\036'"at line ${BASH_LINENO[0]}: \`${__lambda_report:0:200}\`"
    for ((__lambda_depth = 1; __lambda_depth < ${#FUNCNAME[@]}; __lambda_depth++)); do
        __lambda_report+=$'\036'"at ${FUNCNAME[__lambda_depth]}, ${BASH_SOURCE[__lambda_depth]-}"
        __lambda_report+=": line ${BASH_LINENO[__lambda_depth - 1]-}"
    done
    builtin printf '%s\n' "$__lambda_report" >>'@REPORTS@'
}

trap '__lambda_failed "$?" "$BASH_COMMAND"' ERR
set -E
unset BASH_ENV
@OWN_BASH_ENV@
if [[ -r ${BASH_ENV-} ]]; then
    # it may set a trap of its own, and options
    # shellcheck source=/dev/null
    . "$BASH_ENV"
fi
: "$__lambda_last"
