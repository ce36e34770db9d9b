    # The lines of a stack, innermost first, without those of this file.
    function script:Get-Stack($ErrorRecord) {
        $lines = [System.Collections.Generic.List[string]]::new()
        if ($ErrorRecord.ScriptStackTrace) { $lines.AddRange($ErrorRecord.ScriptStackTrace.Split("`n")) }
        while ($lines.Count -gt 0 -and $lines[$lines.Count - 1].Contains(', <No file>: ')) {
            $lines.RemoveAt($lines.Count - 1)
        }
        , $lines.ToArray()
    }

    # The error as the caller gets it.
    function script:ConvertTo-Failure($ErrorRecord, $Context) {
        $message = "$ErrorRecord"
        if ($message.Length -gt 65536) { $message = $message.Substring(0, 65536) }
        $failure = [ordered]@{
            errorType    = $ErrorRecord.Exception.GetType().Name
            errorMessage = $message
            stackTrace   = Get-Stack $ErrorRecord
        }
        $shown = [ordered]@{ }
        if ($Context['Debug'] -eq 'true') {
            $failure['errorRecord'] = ConvertTo-RecordDetails $ErrorRecord
            $names = [string[]] $Context.Keys
            [Array]::Sort($names, [StringComparer]::OrdinalIgnoreCase)
            foreach ($name in $names) {
                $spelled = [regex]::Replace($name, '^lambda-|(?<=-)[a-z]|^[a-z](?=[a-z]*-)', { "$args".Substring(0, 1).ToUpperInvariant() + "$args".Substring(1) })
                $shown[$spelled] = if ($name -match 'secret|passw|token|key|credential') { '***' } else { $Context[$name] }
            }
        } else {
            foreach ($name in 'AWS_LAMBDA_LOG_GROUP_NAME', 'AWS_LAMBDA_LOG_STREAM_NAME', 'Lambda-Runtime-Aws-Request-Id') {
                $shown[$name] = $Context[$name]
            }
            $shown['Debug'] = 'false'
            $shown['Debug_Message'] = 'The environment variable Debug=true adds the error record, all ' +
            'environment variables and all headers; values of credentials stay masked.'
        }
        $failure['context'] = $shown
        Microsoft.PowerShell.Utility\ConvertTo-Json -InputObject $failure -Depth 5 -Compress
    }

    function script:ConvertTo-RecordDetails($ErrorRecord) {
        $exception = $ErrorRecord.Exception
        $text = { param($Value) if ($null -ne $Value) { "$Value" } }
        [ordered]@{
            targetObject          = & $text $ErrorRecord.TargetObject
            fullyQualifiedErrorId = $ErrorRecord.FullyQualifiedErrorId
            errorDetails          = & $text $ErrorRecord.ErrorDetails
            source                = $exception.Source
            targetSite            = & $text $exception.TargetSite
            scriptStackTrace      = Get-Stack $ErrorRecord
            stackTrace            = $exception.StackTrace
        }
    }


    # The error of a file that cannot be loaded: PowerShell's own text, with the file and the line.
    function script:ConvertTo-LoadFailure($ErrorRecord) {
        $exception = $ErrorRecord.Exception
        if ($exception -is [System.Management.Automation.ActionPreferenceStopException]) {
            $exception = $exception.ErrorRecord.Exception
        }
        if ($exception.InnerException -is [System.Management.Automation.ParseException]) {
            $exception = $exception.InnerException
        }
        if ($exception -is [System.Management.Automation.ParseException] -and $exception.Errors) {
            $lines = foreach ($problem in $exception.Errors) {
                "$($problem.Extent.File): line $($problem.Extent.StartLineNumber): $($problem.Message)"
            }
            $message = $lines -join "`n"
        } else {
            $message = $exception.Message
            $where = $ErrorRecord.InvocationInfo
            $file = $where.ScriptName
            $line = $where.ScriptLineNumber
            if (-not $file -and "$(Get-Stack $ErrorRecord)" -match ', (.+?): line (\d+)') { $file, $line = $Matches[1, 2] }
            if ($file) { $message = "${file}: line ${line}: $message" }
        }
        $failure = [ordered]@{
            errorType    = 'Runtime.HandlerLoadFailed'
            errorMessage = $message
            stackTrace   = Get-Stack $ErrorRecord
        }
        Microsoft.PowerShell.Utility\ConvertTo-Json -InputObject $failure -Compress
    }
