    # What a handler's file calls when it is loaded, to be asked before a SnapStart snapshot (what was registered
    # last, first) and in each copy of it (what was registered first, first).
    $script:beforeCheckpoint = $script:afterRestore = @()
    function global:Register-BeforeCheckpoint {
        param([Parameter(Mandatory)] [scriptblock] $ScriptBlock)
        $script:beforeCheckpoint = , $ScriptBlock + $beforeCheckpoint
    }
    function global:Register-AfterRestore {
        param([Parameter(Mandatory)] [scriptblock] $ScriptBlock)
        $script:afterRestore += $ScriptBlock
    }

    # Takes a step on either side of a snapshot, `checkpoint` or `restore`.
    function Invoke-Step($Step, $Pipe) {
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
            $failure = ConvertTo-Failure $_ ([Environment]::GetEnvironmentVariables())
        }
        Write-Frame $Pipe $name $failure
    }
