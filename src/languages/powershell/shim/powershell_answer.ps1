            # What the handler put out, as text: one is what it is, several are an array.
            $isText = $Handler['Answer'] -match '^pipeline'
            $value = $before = $null
            foreach ($item in $output) {
                if ($item -isnot [string] -and $item -is [object]) { $isText = $false }
                if ($before -is [object]) { $value = $output } else { $value = $item }
                $before = , $item
            }
            if ($isText) {
                # as Out-String gives it, which leaves $null out
                $lines = @(foreach ($item in $output) { if ($item -is [string]) { $item } })
                $answer = -join ($lines -replace '\z', "`n")
            } elseif ($value -isnot [object]) {
                $answer = ''
            } elseif ($value -is [string]) {
                $answer = $value
            } else {
                $isNested = $value -isnot [hashtable]
                if ($value -is [hashtable]) {
                    foreach ($item in $value.get_Values()) {
                        if ($item -isnot [string] -and $item -is [object]) { $isNested = $true }
                    }
                }
                if ($isNested) { Assert-Finite $value '' }
                # -join makes a plain string of what a command gives
                $answer = -join (Microsoft.PowerShell.Utility\ConvertTo-Json -InputObject $value -Depth 100 -Compress)
            }
