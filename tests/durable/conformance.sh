# shellcheck shell=bash disable=SC2317
# Handlers for AWS's conformance suite, called by their names, one for each of its cases: `case_1_1` is that of `1-1`. The input is JSON.

input() { jq -r "${1:-.}" <<<"$event"; }
json() { jq -cn --arg text "$1" '$text'; }
greet() { printf 'Hello, %s!' "$1"; }
fails() {
    echo "as it should" >&2
    return 3
}
succeeds_at() { # ATTEMPT TEXT
    ((DURABLE_ATTEMPT >= $1)) && printf %s "$2"
}
# ends the worker, as a handler in a process of its own would end that
crash() {
    kill -KILL $$
    sleep 60
}

# steps
case_1_1() { durable step greet greet "$(input)"; }
case_1_2() { durable step custom_step_name greet "$(input)"; }
case_1_3() {
    local first
    first=$(durable step first echo first)
    durable step second echo "${first}_second"
}
case_1_4() {
    count_tags() { jq -c '{user: ., count: (.tags | length)}' <<<"$1"; }
    durable step build count_tags "$event"
}
case_1_5() { durable step nothing true && echo null; }
case_1_6() {
    upper() { printf %s "${1^^}"; }
    durable step upper upper "$(input)"
}
case_1_7() {
    greet_aloud() {
        echo "Greeting step started for: $1" >&2
        echo "Greeting step completed with: Hello, $1!" >&2
        greet "$1"
    }
    durable step greet greet_aloud "$(input)"
}
case_1_8() {
    local result
    result=$(durable step compute echo computed)
    durable wait 2s
    echo "$result"
}
case_1_9() {
    local result
    result=$(durable step compute echo cached_value)
    durable wait 1s
    echo "$result"
}
case_1_10() {
    local status=0
    durable step fails fails || status=$?
    durable wait 1s
    echo "$status"
}
case_1_11() { durable step a --retry 2 --backoff 1s succeeds_at 2 'Operation succeeded'; }
case_1_12() { durable step a --retry 3 --backoff 1s --rate 1 fails; }
case_1_13() { durable step a --retry 5 --backoff 2s succeeds_at 3 fine; }
case_1_14() { durable step a --retry 5 --backoff 2s --rate 3 succeeds_at 3 fine; }
case_1_15() { durable step a --retry 5 --backoff 1s --retry-on 1 succeeds_at 2 fine; }
case_1_16() { durable step a --retry 5 --backoff 1s --retry-on 4 fails; }
case_1_17() {
    log_and_crash() {
        echo "$1" >&2
        crash
    }
    durable step at_most_once_flaky_step --at-most-once log_and_crash "$(input)"
}
case_1_18() {
    crash_once() {
        echo "$1" >&2
        ((DURABLE_ATTEMPT == 2)) || crash
        json 'succeeded on second attempt'
    }
    durable step a --at-most-once --retry 1 --backoff 1s crash_once "$(input)"
}
case_1_19() { durable step a fails; }
case_1_20() { durable step a fails || durable step b echo fallback_result; }

# waits
case_2_1() { durable wait 2s; }
case_2_2() { durable wait --name custom_wait_name 2s; }
case_2_3() {
    durable wait --name wait-1 2s
    durable wait --name wait-2 2s
    echo '{"completedWaits": 2}'
}
case_2_4() { durable wait 1m; }
case_2_5() { durable wait 1h; }

# child contexts
case_3_1() {
    child() { durable step inner json "$1"; }
    durable context child child "$(input)"
}
case_3_2() {
    child() { durable step inner json "$1"; }
    durable context "$(input .name)" child "$(input .value)"
}
case_3_3() {
    child() {
        local first
        first=$(durable step first json "$1")
        durable step second echo "$first"
    }
    durable context child child "$(input)"
}
case_3_4() {
    child() { durable step inner fails; }
    durable context child child
}
case_3_5() {
    child() { durable step inner fails; }
    durable context child child || durable step recover json "$(input)"
}
case_3_6() {
    inner() { durable step inner-step json "$1"; }
    outer() {
        durable step outer-step json "$1" >/dev/null
        durable context inner inner "$1"
    }
    durable context outer outer "$(input)"
}
case_3_7() {
    child() { durable step inner --retry 2 --backoff 1s succeeds_at 2 "$(json "$1")"; }
    durable context child child "$(input)"
}
case_3_8() {
    child() { durable step inner --retry 1 --backoff 1s fails; }
    durable context child child
}
case_3_9() {
    local result
    child() { durable step inner json "$1"; }
    result=$(durable context child child "$(input)")
    durable wait 2s
    echo "$result"
}
case_3_10() {
    child() {
        local result
        result=$(durable step inner json "$1")
        durable wait 2s
        echo "$result"
    }
    durable context child child "$(input)"
}
case_3_11() {
    local result
    child() {
        echo "$1" >&2
        durable step inner json "$1"
        printf '%300000s' ''
    }
    result=$(durable context child child "$(input)")
    durable wait 2s
    echo "${#result}"
}
case_3_12() {
    # longer than a START is held back
    crash_once() {
        [[ ! -e $CONFORMANCE_FILES/$1 ]] || { json "$1" && return; }
        : >"$CONFORMANCE_FILES/$1"
        sleep 0.5
        crash
    }
    child() { durable step inner crash_once "$1"; }
    durable context child child "$(input)"
}
case_3_13() {
    local result
    child() {
        durable wait 2s
        json "$1"
    }
    result=$(durable context child child "$(input)")
    durable step outer echo "$result"
}
case_3_14() {
    upper() { durable step inner json "$1" | jq -r ascii_upcase; }
    durable context child upper "$(input)"
}
case_3_15() { durable context child fails; }
case_3_16() { durable context child true && echo null; }
case_3_17() {
    local result
    child() {
        echo "$1" >&2
        json "$1"
    }
    result=$(durable context child child "$(input)")
    durable wait 2s
    echo "$result"
}
case_3_18() {
    local inner outer
    child() {
        local result
        result=$(durable step inner json "$1")
        durable wait 2s
        echo "$result"
    }
    inner=$(durable context child child "$(input)")
    outer=$(durable step outer echo "$inner")
    durable wait 2s
    echo "$outer"
}

# callbacks
created() { durable callback-id "$@" >/dev/null; }
case_4_1() {
    created "$(input)"
    durable callback-result "$(input)"
}
case_4_2() {
    created approval
    durable callback-result approval
}
case_4_3() {
    created "$(input)" --timeout 5s
    durable callback-result "$(input)"
}
case_4_4() {
    created "$(input)" --heartbeat 5s
    durable callback-result "$(input)"
}
case_4_5() {
    created "$(input)" --heartbeat 10s
    durable callback-result "$(input)"
}
case_4_6() { case_4_1; }
case_4_7() {
    created "$(input)"
    durable step a true
    durable callback-result "$(input)"
}
case_4_8() {
    created "$(input)" --timeout 5s
    durable step a true
    durable callback-result "$(input)"
}
case_4_9() {
    created "$(input)"
    durable wait 5s
    durable callback-result "$(input)"
}
case_4_10() { case_4_9; }
case_4_11() {
    created "$(input)" --timeout 3s
    durable wait 6s
    durable callback-result "$(input)"
}
case_4_12() {
    local result
    created "$(input)"
    result=$(durable callback-result "$(input)")
    durable wait 2s
    echo "$result"
}
case_4_13() {
    local result
    created "$(input)"
    result=$(durable callback-result "$(input)") || result='"not approved"'
    durable wait 2s
    echo "$result"
}
case_4_14() {
    local result
    created "$(input)" --timeout 3s
    result=$(durable callback-result "$(input)") || result='"too late"'
    durable wait 2s
    echo "$result"
}
case_4_15() {
    created "$(input)"
    durable callback-result "$(input)" |
        jq -c '{received: (.timestamp |= (sub("\\.[0-9]+Z$"; "Z") | fromdate))}'
}
case_4_16() {
    created "$(input)"
    durable callback-result "$(input)" | jq -c '{count: ., doubled: (. * 2)}'
}
case_4_17() {
    created "$(input '.[0]')"
    durable callback-result "$(input '.[0]')"
    created "$(input '.[1]')"
    durable callback-result "$(input '.[1]')"
}
case_4_18() {
    created "$(input '.[0]')"
    created "$(input '.[1]')"
    durable callback-result "$(input '.[0]')"
    durable callback-result "$(input '.[1]')"
}
case_4_19() {
    created "$(input '.[0]')"
    created "$(input '.[1]')"
    durable callback-result "$(input '.[1]')"
    durable callback-result "$(input '.[0]')"
}

# other functions
target() {
    # the local runner is confused by a function that ends before its caller is suspended
    sleep 0.5
    [[ $1 != '"fail"' ]] || fails || return
    printf %s "$1"
}
case_5_1() { durable invoke target:1 "$event"; }
case_5_2() { durable invoke target:1 "$(input .payload | jq -R .)" --name "$(input .name)"; }
case_5_3() { durable invoke target:1 "$event"; }
case_5_4() { durable invoke target:1 null; }
case_5_5() { durable invoke target:1 '"fail"'; }
case_5_6() { durable invoke target:1 '"fail"' || echo '"fallback"'; }
case_5_7() { durable invoke target:1 "$(printf '%100000s' '' | jq -R .)"; }
case_5_8() { durable invoke target:1 "$(input .payload | jq -R .)" --tenant "$(input .tenantId)"; }
case_5_9() {
    local result
    result=$(durable invoke target:1 '"once"')
    durable wait 2s
    echo "$result"
}
case_5_10() {
    local result
    result=$(durable invoke target:1 '"fail"') || result='"caught"'
    durable wait 1s
    echo "$result"
}
case_5_11() {
    local result
    result=$(durable step a echo '"result"')
    durable invoke target:1 "$result"
}
case_5_12() {
    local result
    result=$(durable invoke target:1 '"result"')
    durable step a echo "$result"
}
case_5_13() {
    child() { durable invoke target:1 '"result"'; }
    durable context child child
}
case_5_14() {
    durable invoke target:1 '"first"' >/dev/null
    durable invoke target:1 '"second"'
}
case_5_15() { durable invoke target:1 "$(input '.data | ascii_upcase | tojson')"; }
case_5_16() { durable invoke target:1 "$event" | jq -c 'ascii_upcase | tojson'; }

# conditions
count_to() { # LIMIT FIRST: 0 once the count has come to the limit
    local count=$((${DURABLE_STATE:-$2} + 1))
    echo "$count"
    ((count >= $1))
}
case_6_1() { durable until counted --every 1s count_to "$(input)" 0; }
case_6_2() { durable until counted --every 1s echo 5; }
case_6_3() { durable until poll-status --every 1s count_to 2 0; }
case_6_4() { durable until counted --every 1s count_to 8 5; }
case_6_5() { durable until counted --every 2s count_to 3 0; }
case_6_6() {
    three_times() { count_to 3 0 && return 2; }
    durable until counted --every 1s --retry-on 1 three_times
}
case_6_7() { durable until counted --every 1s --retry-on 1 fails; }
case_6_8() { durable until counted --every 1s --retry-on 1 fails || json recovered; }
case_6_9() {
    check() {
        local state=${DURABLE_STATE:-'{"attempts": 0}'}
        jq -ce '.attempts += 1 | .status = (if .attempts >= 2 then "DONE" else "PENDING" end)' <<<"$state"
        ((DURABLE_ATTEMPT >= 2))
    }
    durable until checked --every 1s check
}
case_6_10() { durable until checked --every 1s true && echo null; }
case_6_11() {
    append() {
        echo "${DURABLE_STATE}x"
        [[ $DURABLE_STATE == x ]]
    }
    durable until appended --every 1s append
}
case_6_12() {
    local count
    count=$(durable until counted --every 1s count_to 2 0)
    durable step a echo $((count * 10))
}
case_6_13() {
    local count
    count=$(durable until first --every 1s count_to 2 0)
    durable until second --every 1s count_to 4 "$count"
}

# callbacks with a command that gets the id
case_7_1() { durable callback "$(input)" -- true; }
case_7_2() { durable callback approval -- true; }
case_7_3() { durable callback anonymous -- true; }
case_7_4() { durable callback "$(input)" -- true; }
case_7_5() { durable callback "$(input)" --timeout 3s -- true; }
case_7_6() { durable callback "$(input)" -- true || json recovered; }
case_7_7() { durable callback "$(input)" --retry 1 --backoff 1s -- fails; }
case_7_8() {
    child() { durable callback "$1" -- true; }
    durable context wrapper child "$(input)"
}
case_7_9() {
    durable callback first -- true >/dev/null
    durable callback second -- true
}
case_7_10() {
    durable wait 1s
    durable step a echo data >/dev/null
    durable callback "$(input)" -- true
}
case_7_11() { durable callback "$(input)" -- true | jq .status; }
case_7_12() { durable callback "$(input)" --heartbeat 5s -- true; }
case_7_13() { durable callback "$(input)" --heartbeat 10s -- true; }
case_7_14() { durable callback "$(input)" --timeout 3s -- true || json timed-out-handled; }
case_7_15() { durable callback "$(input)" -- true; }

handler() {
    event=$1
    "$CONFORMANCE_CASE"
}
