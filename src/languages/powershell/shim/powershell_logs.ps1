    # The log in JSON mode: records of streams as objects with their level, as the bootstrap writes lines.
    $script:levels = @{
        InformationRecord = 'INFO'
        VerboseRecord     = 'TRACE'
        DebugRecord       = 'DEBUG'
        WarningRecord     = 'WARN'
        ErrorRecord       = 'ERROR'
    }
    $script:lineBegun = '' # by Write-Host -NoNewline

    # Writes a record of a stream other than the output; gives whether it was one.
    function script:Write-Record($Record) {
        if ($Record -is [System.Management.Automation.InformationRecord]) {
            $data = $Record.MessageData
            $message = "$lineBegun$data"
            $script:lineBegun = ''
            if ($data -is [System.Management.Automation.HostInformationMessage] -and $data.NoNewLine) {
                $script:lineBegun = $message
                return $true
            }
        } elseif ($Record -is [System.Management.Automation.InformationalRecord] -or $Record -is [System.Management.Automation.ErrorRecord]) {
            $message = "$Record"
            if ($Record.FullyQualifiedErrorId -like 'NativeCommandError*') {
                # what a native command wrote to its standard error
                [Console]::Error.WriteLine($message)
                return $true
            }
        } else {
            return $false
        }
        $line = [ordered]@{
            timestamp = [DateTime]::UtcNow.ToString('yyyy-MM-ddTHH:mm:ss.ffffffZ')
            level     = $levels[$Record.GetType().Name]
            requestId = $requestId
            message   = $message
        }
        [Console]::Error.WriteLine((Microsoft.PowerShell.Utility\ConvertTo-Json -InputObject $line -Compress))
        $true
    }

    function script:Write-RestOfLine {
        if ($lineBegun) { [Console]::Error.WriteLine($lineBegun) }
        $script:lineBegun = ''
    }
