# Handlers for a part of AWS's conformance suite, one for each case: `case_1_1` is that of `1-1`.

function Invoke-Case($Data) {
    $answer = & $env:CONFORMANCE_CASE $Data
    # the suite compares answers as JSON
    if ($null -eq $answer -or $answer -is [string]) { ConvertTo-Json $answer } else { $answer }
}

function Fail { throw 'as it should' }
function SucceedAt($Attempt, $Value) { if ([int]$env:DURABLE_ATTEMPT -ge $Attempt) { $Value } else { Fail } }

class TransientError : Exception { TransientError() : base('as it should') { } }

function case_1_1($Data) { Invoke-DurableStep greet { "Hello, $Data!" } }
function case_1_3 {
    $first = Invoke-DurableStep first { 'first' }
    Invoke-DurableStep second { "${first}_second" }
}
function case_1_4($Data) { Invoke-DurableStep build { @{ user = $Data; count = $Data.tags.Count } } }
function case_1_5 {
    Invoke-DurableStep nothing { $null }
}
function case_1_8 {
    $result = Invoke-DurableStep compute { 'computed' }
    Wait-Durable 2s
    $result
}
function case_1_10 {
    $result = try { Invoke-DurableStep fails { Fail } } catch { 'caught' }
    Wait-Durable 1s
    $result
}
function case_1_11 { Invoke-DurableStep a -Retry 2 -Backoff 1s { SucceedAt 2 'Operation succeeded' } }
function case_1_12 { Invoke-DurableStep a -Retry 3 -Backoff 1s -Rate 1 { Fail } }
function case_1_14 { Invoke-DurableStep a -Retry 5 -Backoff 2s -Rate 3 { SucceedAt 3 'fine' } }
function case_1_15 {
    Invoke-DurableStep a -Retry 5 -Backoff 1s {
        if ([int]$env:DURABLE_ATTEMPT -lt 2) { throw [TransientError]::new() }
        'fine'
    }
}
function case_1_16 { Invoke-DurableStep a { throw [TransientError]::new() } }
function case_1_19 { Invoke-DurableStep a { Fail } }
function case_1_20 { try { Invoke-DurableStep a { Fail } } catch { Invoke-DurableStep b { 'fallback_result' } } }

function case_2_1 { Wait-Durable 2s }
function case_2_3 {
    Wait-Durable 2s -Name wait-1
    Wait-Durable 2s -Name wait-2
    @{ completedWaits = 2 }
}

function case_3_1($Data) { Invoke-DurableContext child { Invoke-DurableStep inner { $Data } } }
function case_3_3($Data) {
    Invoke-DurableContext child {
        $first = Invoke-DurableStep first { $Data }
        Invoke-DurableStep second { $first }
    }
}
function case_3_4 { Invoke-DurableContext child { Invoke-DurableStep inner { Fail } } }
function case_3_5($Data) {
    try { Invoke-DurableContext child { Invoke-DurableStep inner { Fail } } }
    catch { Invoke-DurableStep recover { $Data } }
}
function case_3_9($Data) {
    $result = Invoke-DurableContext child { Invoke-DurableStep inner { $Data } }
    Wait-Durable 2s
    $result
}
function case_3_10($Data) {
    Invoke-DurableContext child {
        $result = Invoke-DurableStep inner { $Data }
        Wait-Durable 2s
        $result
    }
}
function case_3_15 { Invoke-DurableContext child { Fail } }

function case_4_1($Data) {
    $null = New-DurableCallback $Data
    Receive-DurableCallback $Data
}
function case_4_7($Data) {
    $null = New-DurableCallback $Data
    $null = Invoke-DurableStep a { $true }
    Receive-DurableCallback $Data
}
function case_4_13($Data) {
    $null = New-DurableCallback $Data
    $result = try { Receive-DurableCallback $Data } catch { 'not approved' }
    Wait-Durable 2s
    $result
}

function case_5_1($Data) { Invoke-DurableFunction target:1 $Data }
function case_5_2($Data) { Invoke-DurableFunction target:1 $Data.payload -Name $Data.name }
function case_5_6 { try { Invoke-DurableFunction target:1 fail } catch { 'fallback' } }

function CountFrom($First, $Limit) {
    Wait-DurableUntil counted -Every 1s {
        param($State)
        if (-not $State.Count) { $State.Count = $First }
        $State.Count++
        if ($State.Count -ge $Limit) { $State.Count }
    }
}
function case_6_1 { CountFrom 0 3 }
function case_6_4 { CountFrom 5 8 }

function case_7_1($Data) { Wait-DurableCallback $Data { } }
function case_7_4($Data) { Wait-DurableCallback $Data { } }
function case_7_7($Data) { Wait-DurableCallback $Data -Retry 1 -Backoff 1s { Fail } }

Export-ModuleMember Invoke-Case
