    # ConvertFrom-Json can be told so since PowerShell 7.5.
    $datesStayText = "$($PSVersionTable['PSVersion'])" -notmatch '^7\.[0-4]\.'

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
