# Handler: Function.Invoke-Handler
# Makes a snapshot of a database, and answers when it is available: hours later, and nothing runs meanwhile.
function Get-Status($Snapshot) {
    aws rds describe-db-snapshots --db-snapshot-identifier $Snapshot --query 'DBSnapshots[0].Status' --output text 2>$null
}

# A second attempt finds the snapshot of the first attempt.
function New-Snapshot($Snapshot, $Database) {
    if (Get-Status $Snapshot) { return }
    aws rds create-db-snapshot --db-snapshot-identifier $Snapshot --db-instance-identifier $Database | Out-Null
    if ($LASTEXITCODE) { throw "the snapshot $Snapshot was not made" }
}

function Test-Available($Snapshot) {
    $status = Get-Status $Snapshot
    switch ("$status") {
        'available' { $true }
        'creating' { $false }
        default { throw "the snapshot $Snapshot is $_" }
    }
}

function Invoke-Handler($Data) {
    # a step, because the time differs in each replay
    $snapshot = Invoke-DurableStep name { '{0}-{1:yyyy-MM-dd-HH-mm-ss}' -f $Data.database, [datetime]::UtcNow }
    Invoke-DurableStep create -Retry 5 { New-Snapshot $snapshot $Data.database }
    Wait-DurableUntil available -Every 1m -Timeout 12h { Test-Available $snapshot } | Out-Null
    $snapshot
}
