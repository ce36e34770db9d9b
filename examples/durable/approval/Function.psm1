# Handler: Function.Invoke-Handler
# Asks for an approval by a link, waits up to a week for it, and then makes the change.
function Send-Question($Change, $Id) {
    $link = "$env:LINK`?id=$([uri]::EscapeDataString($Id))"
    aws sns publish --topic-arn $env:TOPIC --subject 'Please approve' --message "$Change`: $link" | Out-Null
    if ($LASTEXITCODE) { throw 'the question was not sent' }
}

function Invoke-Change($Change) {
    aws ssm start-automation-execution --document-name $Change | Out-Null
    if ($LASTEXITCODE) { throw "$Change was not started" }
}

function Invoke-Handler($Data) {
    $change = $Data.change
    try {
        $answer = Wait-DurableCallback approval -Timeout 7d { param($Id) Send-Question $change $Id }
    } catch {
        $answer = 'no'
    }
    if ($answer -eq 'yes') {
        Invoke-DurableStep apply { Invoke-Change $change }
        "$change`: done"
    } else {
        "$change`: not approved"
    }
}
