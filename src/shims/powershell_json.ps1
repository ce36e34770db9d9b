    # Events of JSON become hashtables: with keys that ignore case, with dates as text, and with numbers as they are.
    $datesStayText = "$($PSVersionTable['PSVersion'])" -notmatch '^7\.[0-4]\.'

    # The value of an event, or the text itself where it is no JSON.
    function ConvertFrom-JsonText($Text) {
        try {
            if ($datesStayText) {
                $value = Microsoft.PowerShell.Utility\ConvertFrom-Json -InputObject $Text -AsHashtable -NoEnumerate -DateKind 'String'
            } else {
                Import-Part 'dates'
                $value = Read-JsonWithoutDates $Text
            }
        } catch {
            return $Text
        }
        if ($value -is [hashtable] -or $value -is [object[]]) { return , (Repair-Keys $value) }
        $value
    }

    # ConvertFrom-Json tells keys by their case, hashtables of PowerShell do not.
    function Repair-Keys($Value) {
        if ($Value -is [hashtable]) {
            try {
                $data = @{ } + $Value
            } catch {
                # keys that differ only in case: the last one stays
                $data = @{ }
                foreach ($name in $Value.get_Keys()) { $data[$name] = $Value[$name] }
            }
            foreach ($item in $data.get_Values()) {
                if ($item -is [hashtable] -or $item -is [object[]]) {
                    foreach ($name in @($data.get_Keys())) {
                        $item = $data[$name]
                        if ($item -is [hashtable] -or $item -is [object[]]) { $data[$name] = Repair-Keys $item }
                    }
                    break
                }
            }
            return $data
        }
        for ($index = 0; $index -lt $Value.Length; $index++) {
            $item = $Value[$index]
            if ($item -is [hashtable] -or $item -is [object[]]) { $Value[$index] = Repair-Keys $item }
        }
        , $Value
    }

    # What ConvertFrom-Json makes of an event: objects. Where it cannot, as of keys that are empty or differ only
    # in case, the hashtable.
    function ConvertFrom-JsonObject($Text, $Data) {
        if ($Data -is [string]) { return $Data }
        try {
            $value = Microsoft.PowerShell.Utility\ConvertFrom-Json -InputObject $Text -NoEnumerate
        } catch {
            $value = $Data
        }
        , $value
    }

    # What a handler put out, as text.
    function ConvertTo-Answer($Output, $Rule) {
        $isText = $Rule -match '^pipeline'
        $value = $before = $null
        foreach ($item in $Output) {
            if ($item -isnot [string] -and $item -is [object]) { $isText = $false }
            # one is what it is, several are an array
            if ($before -is [object]) { $value = $Output } else { $value = $item }
            $before = , $item
        }
        if ($isText) {
            # as Out-String gives it, which leaves $null out
            $lines = @(foreach ($item in $Output) { if ($item -is [string]) { $item } })
            if ($lines.Length -eq 0) { return '' }
            return ($lines -join "`n") + "`n"
        }
        if ($value -isnot [object]) { return '' }
        if ($value -is [string]) { return $value }
        Assert-Finite $value ''
        # -join makes a plain string of what a command gives
        -join (Microsoft.PowerShell.Utility\ConvertTo-Json -InputObject $value -Depth 100 -Compress)
    }

    # ConvertTo-Json cuts what is too deep, and takes for ever with objects that lead to themselves: both are
    # found here, as everything that leads to itself is too deep.
    function Assert-Finite($Value, $Path, $Depth) {
        if ($Value -isnot [object] -or $Value -is [string] -or $Value -is [ValueType] -or $Value -is [uri]) { return }
        if ($Depth -is [int] -and $Depth -gt 100) {
            $Path = $Path -replace '^((\.[^.]*){1,8}).*', '$1'
            throw "the answer is no JSON: its part '$Path' leads back to itself or is deeper than 100 levels; " +
            'choose what to answer with Select-Object'
        }
        if ($Value -is [System.Collections.IDictionary]) {
            foreach ($item in $Value.get_Values()) {
                if ($item -is [string] -or $item -is [ValueType] -or $item -isnot [object]) { continue }
                # only what is nested has its names looked at
                foreach ($name in $Value.get_Keys()) { Assert-Finite $Value[$name] "$Path.$name" ($Depth + 1) }
                break
            }
        } elseif ($Value -is [System.Collections.ICollection]) {
            $index = 0
            foreach ($item in $Value) {
                if ($item -is [object] -and $item -isnot [string] -and $item -isnot [ValueType]) {
                    Assert-Finite $item "$Path.$index" ($Depth + 1)
                }
                $index++
            }
        } elseif ($Value -isnot [System.Collections.IEnumerable]) {
            foreach ($property in $Value.PSObject.Properties) {
                # a property may refuse to be read: ConvertTo-Json makes null of it
                try { $item = $property.Value } catch { continue }
                Assert-Finite $item "$Path.$($property.Name)" ($Depth + 1)
            }
        }
    }
