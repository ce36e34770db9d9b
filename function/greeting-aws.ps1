# Handler: greeting-aws.ps1::handler
# As AWS's own PowerShell runtime calls it: what stands outside of the function runs once, before the first event.
$greeting = 'Hello'

function handler {
    param($LambdaInput, $LambdaContext)

    Write-Host "request $($LambdaContext.AwsRequestId)"
    @{ greeting = "$greeting, $($LambdaInput.name)" }
}
