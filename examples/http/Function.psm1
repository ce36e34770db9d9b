# Handler: Function.Invoke-Handler
# Receives posted text, and returns it.
function New-Response($Status, $Body) {
    @{
        statusCode = $Status
        headers = @{ 'content-type' = 'application/json' }
        body = ConvertTo-Json -Compress $Body
    }
}

function Invoke-Handler($Request) {
    if ($Request.requestContext.http.method -ne 'POST') {
        New-Response 405 @{ error = 'only POST' }
    } elseif ($Request.isBase64Encoded) {
        New-Response 415 @{ error = 'only text' }
    } else {
        New-Response 201 ([ordered]@{ path = $Request.rawPath; received = $Request.body })
    }
}
