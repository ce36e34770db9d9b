# shellcheck shell=bash
# The function URL: creates or changes it, opens it to everybody or closes it.

# The names of the two permissions of an open URL; Lambda requires both since October 2025.
readonly may_use_url=FunctionURLAllowPublicAccess may_invoke_by_url=FunctionURLInvokeAllowPublicAccess

# Creates the function URL, or changes differing settings.
settle_url() {
    local -a of=(--function-name "$name")
    local auth=${FUNCTION_URL-} mode='' there='' url
    [[ -n $auth || -n ${FUNCTION_STREAM-} ]] || return 0
    if on SNAPSTART || on DURABLE; then of+=(--qualifier "$alias"); fi
    case ${FUNCTION_STREAM-} in 1) mode=RESPONSE_STREAM ;; 0) mode=BUFFERED ;; esac
    if lookup ResourceNotFoundException aws lambda get-function-url-config "${of[@]}" \
        --query '[FunctionUrl,AuthType,InvokeMode]' --output text; then
        there=$reply
    fi
    if [[ -n $there ]]; then
        read -r url there <<<"$there"
        auth=${auth:-${there%%[[:space:]]*}} mode=${mode:-${there##*[[:space:]]}}
        if [[ "$auth $mode" != "${there%%[[:space:]]*} ${there##*[[:space:]]}" ]]; then
            must aws lambda update-function-url-config "${of[@]}" --auth-type "$auth" --invoke-mode "$mode" \
                --query FunctionUrl --output text
            report "$name has the new URL settings"
        fi
    elif [[ -n $auth ]]; then
        must aws lambda create-function-url-config "${of[@]}" --auth-type "$auth" --invoke-mode "${mode:-BUFFERED}" \
            --query FunctionUrl --output text
        url=${reply:-URL}
    else
        return 0 # only the mode is given, and there is no URL
    fi
    settle_permissions
    report "$name is at $url${auth:+ ($auth)}"
}

# Allows everybody to call an open URL. Other permissions are not changed.
settle_permissions() {
    local statement policy=''
    if lookup ResourceNotFoundException aws lambda get-policy "${of[@]}" --query Policy --output text; then
        policy=$reply
    fi
    for statement in "$may_use_url" "$may_invoke_by_url"; do
        case $auth:$policy in
            NONE:*"\"$statement\""*) ;;
            NONE:*) permit "$statement" ;;
            *"\"$statement\""*) must aws lambda remove-permission "${of[@]}" --statement-id "$statement" ;;
        esac
    done
}

permit() { # STATEMENT
    local -a condition=(--action lambda:InvokeFunctionUrl --function-url-auth-type NONE)
    [[ $1 == "$may_use_url" ]] || condition=(--action lambda:InvokeFunction --invoked-via-function-url)
    must aws lambda add-permission "${of[@]}" --statement-id "$1" --principal '*' "${condition[@]}"
}
