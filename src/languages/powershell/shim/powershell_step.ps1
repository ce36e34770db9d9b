    # Takes a step on either side of a snapshot, `checkpoint` or `restore`.
    function script:Invoke-Step($Step, $Pipe) {
        try {
            $hooks = $beforeCheckpoint
            if ($Step -eq 'restore') {
                $seed = [guid]::NewGuid().GetHashCode() -band [int]::MaxValue
                $null = Microsoft.PowerShell.Utility\Get-Random -SetSeed $seed
                $hooks = $afterRestore
            }
            foreach ($hook in $hooks) {
                # `break` outside of a loop would end ours
                foreach ($once in 1) { & $hook | Out-Host }
            }
            Save-Session
            $name = 'ready'
            $failure = ''
        } catch {
            $name = 'failure'
            $record = $_
            Import-Part 'failure'
            $failure = ConvertTo-Failure $record ([Environment]::GetEnvironmentVariables())
        }
        Write-Frame $Pipe $name $failure
    }
