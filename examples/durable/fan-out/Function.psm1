# Handler: Function.Invoke-Handler
# Runs a command on many instances at the same time, and answers with the result of each.
function Send-Patch($Instance) {
    aws ssm send-command --instance-ids $Instance --document-name AWS-RunPatchBaseline --parameters Operation=Install `
        --query Command.CommandId --output text
    if ($LASTEXITCODE) { throw "the command for $Instance was not sent" }
}

function Test-Finished($Instance, $Id) {
    $status = aws ssm get-command-invocation --instance-id $Instance --command-id $Id --query Status --output text
    switch ("$status") {
        'Success' { $true }
        { $_ -in 'Pending', 'InProgress', 'Delayed' } { $false }
        default { throw "$Instance`: $_" }
    }
}

function Invoke-Handler($Data) {
    # sends all commands, then waits for each: the whole time is that of the longest
    $sent = [ordered]@{}
    foreach ($instance in $Data.instances) {
        try {
            $sent[$instance] = Invoke-DurableStep "send $instance" { Send-Patch $instance }
        } catch {
            "$instance`: failed"
        }
    }
    foreach ($instance in $sent.Keys) {
        try {
            Wait-DurableUntil "finished $instance" -Every 30s -Timeout 2h { Test-Finished $instance $sent[$instance] } | Out-Null
            "$instance`: patched"
        } catch {
            "$instance`: failed"
        }
    }
}
