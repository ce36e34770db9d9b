            # An event of JSON becomes a hashtable, with keys that ignore case, with dates as text, and with numbers
            # as they are; and $objects, which is what ConvertFrom-Json makes of it. What is no JSON stays text.
            $data = $objects = $text = $request['event']
            if ($context['Content-Type'] -match '^application/json' -and $text -match '^\s*\S') {
                try {
                    if ($datesStayText) {
                        $data = Microsoft.PowerShell.Utility\ConvertFrom-Json -InputObject $text -AsHashtable -NoEnumerate -DateKind 'String'
                    } else {
                        Import-Part 'dates'
                        $data = Read-JsonWithoutDates $text
                    }
                } catch {
                    $data = $text
                }
                $isNested = $data -is [object[]]
                if ($data -is [hashtable]) {
                    try { $data = @{ } + $data } catch { $isNested = $true }
                    foreach ($item in $data.get_Values()) {
                        if ($item -is [hashtable] -or $item -is [object[]]) { $isNested = $true }
                    }
                }
                if ($isNested) { $data = Repair-Keys $data }
                $objects = $data
                if ($data -isnot [string]) {
                    # impossible where keys are empty or differ only in case
                    try { $objects = Microsoft.PowerShell.Utility\ConvertFrom-Json -InputObject $text -NoEnumerate } catch { }
                }
            }
            $global:LambdaInput = $objects
            $global:LambdaContext = $context
            if ($Handler['TakesObjects']) { $data = $objects }
