# Handler: example.Test-Lambda
# Strings on the pipeline are the answer; Write-Host, Write-Verbose and the like go to the log.
function Test-Lambda {
    [CmdletBinding()]
    param(
        [Parameter()]
        $InputObject,

        [Parameter()]
        $Context
    )
    Write-Verbose "request $($Context.AwsRequestId), $($Context.RemainingTime.TotalSeconds) s left"
    "Hello, $($InputObject.name)"
}
