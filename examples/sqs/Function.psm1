# Handler: Function.Invoke-Handler
# Works on each message, and answers with the ids of those that failed.
function Confirm-Order($Message) {
    $order = ($Message | ConvertFrom-Json).order
    if (-not $order) { throw 'no order' }
    Write-Host "order $order"
}

function Invoke-Handler($Batch) {
    $failures = @(foreach ($record in $Batch.Records) {
        try {
            Confirm-Order $record.body
        } catch {
            Write-Warning "$($record.messageId): $_"
            @{ itemIdentifier = $record.messageId }
        }
    })
    @{ batchItemFailures = $failures }
}
