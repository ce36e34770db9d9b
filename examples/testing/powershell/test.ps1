# Calls the function with events as the runtime gives them, and compares; then once more, as Lambda would call it.
$ErrorActionPreference = 'Stop'
Set-Location $PSScriptRoot
Import-Module ./Prices.psm1
$script:failures = 0

function Test-That($What, [bool] $Holds, $Found) {
    if ($Holds) { "ok: $What"; return }
    "failed: ${What}: $Found"
    $script:failures++
}

function Get-TotalOf($Json) { (Get-Total ($Json | ConvertFrom-Json -AsHashtable)).total }

$total = Get-TotalOf '{"items":[{"price":250,"count":2},{"price":100,"count":3}]}'
Test-That 'adds up' ($total -eq 800) $total
$total = Get-TotalOf '{"items":[]}'
Test-That 'an empty basket costs nothing' ($total -eq 0) $total
try { $message = Get-TotalOf '{"items":[{"price":-1,"count":1}]}' } catch { $message = "$_" }
Test-That 'refuses a price below zero' ($message -eq 'a price below zero') $message

$answer = bootstrap Prices.Get-Total '{"items":[{"price":250,"count":2}]}' 2>$null
Test-That 'answers JSON' ($answer -eq '{"total":500}') $answer
exit [int]($script:failures -gt 0)
