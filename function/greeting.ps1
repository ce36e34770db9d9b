# Handler: ./greeting.ps1
# The script runs again for every event, with the same parameters as a function.
param($InputObject, $Context)

Write-Host "request $($Context.AwsRequestId)"
"Hello, $($InputObject.name)"
