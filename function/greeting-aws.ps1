# Handler: greeting-aws.ps1::handler
# The form of AWS's own PowerShell runtime: code outside of the function runs once, before the first event.
$greeting = 'Hello'

function handler {
    param($LambdaInput, $LambdaContext)

    Write-Host "request $($LambdaContext.AwsRequestId)"
    @{ greeting = "$greeting, $($LambdaInput.name)" }
}
