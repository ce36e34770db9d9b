# Handler: Function.Invoke-Handler
# Lists the objects that an event is about.
function Invoke-Handler($Notification) {
    $objects = @(foreach ($record in $Notification.Records) {
        $key = [System.Net.WebUtility]::UrlDecode($record.s3.object.key)
        "s3://$($record.s3.bucket.name)/$key"
    })
    @{ objects = $objects }
}
