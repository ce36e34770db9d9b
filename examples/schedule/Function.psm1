# Handler: Function.Invoke-Handler
# Reports on the day before the one of the event: a retry after midnight reports on the same day.
function Invoke-Handler($Schedule) {
    $time = [DateTimeOffset]::Parse($Schedule.time, [cultureinfo]::InvariantCulture)
    @{ report = $time.UtcDateTime.AddDays(-1).ToString('yyyy-MM-dd') }
}
