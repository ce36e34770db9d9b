    # Events of JSON become hashtables: with keys that ignore case, with dates as text, and with numbers as they are.
    $datesStayText = "$($PSVersionTable['PSVersion'])" -notmatch '^7\.[0-4]\.'

    # The value of an event, or the text itself where it is no JSON.
    function ConvertFrom-JsonText([string] $Text) {
        try {
            if ($datesStayText) {
                $value = Microsoft.PowerShell.Utility\ConvertFrom-Json $Text -AsHashtable -NoEnumerate -DateKind 'String'
            } else {
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

    # For PowerShell before 7.5: what ConvertFrom-Json itself uses, told to let dates be.
    function Read-JsonWithoutDates([string] $Text) {
        $settings = [Newtonsoft.Json.JsonSerializerSettings]::new()
        $settings.DateParseHandling = [Newtonsoft.Json.DateParseHandling]::None
        $settings.MaxDepth = 1024
        $script:serializer = [Newtonsoft.Json.JsonSerializer]::Create($settings)
        $value = [Newtonsoft.Json.JsonConvert]::DeserializeObject($Text, $settings)
        if ($value -is [Newtonsoft.Json.Linq.JToken]) { $value = ConvertFrom-Token $value }
        , $value
    }

    # Hashtables and arrays for the objects and arrays of Newtonsoft.Json, which fills them but for what is nested.
    function ConvertFrom-Token($Token) {
        if ($Token -is [Newtonsoft.Json.Linq.JObject]) {
            $data = @{ }
            $serializer.Populate($Token.CreateReader(), $data)
            foreach ($name in @($data.get_Keys())) {
                if ($data[$name] -is [Newtonsoft.Json.Linq.JToken]) { $data[$name] = ConvertFrom-Token $data[$name] }
            }
            return $data
        }
        $list = $serializer.Deserialize($Token.CreateReader(), [object[]])
        for ($index = 0; $index -lt $list.Length; $index++) {
            if ($list[$index] -is [Newtonsoft.Json.Linq.JToken]) { $list[$index] = ConvertFrom-Token $list[$index] }
        }
        , $list
    }

    # What ConvertFrom-Json makes of an event: objects. Where it cannot, as of keys that are empty or differ only
    # in case, the hashtable.
    function ConvertFrom-JsonObject([string] $Text, $Data) {
        if ($Data -is [string]) { return $Data }
        try {
            $value = Microsoft.PowerShell.Utility\ConvertFrom-Json $Text -NoEnumerate
        } catch {
            $value = $Data
        }
        , $value
    }

    # What a handler put out, as text.
    function ConvertTo-Answer($Output, [string] $Rule) {
        if ($isText -and $Rule -eq 'pipeline') {
            # as Out-String gives it, which leaves $null out
            if ($hasNull) { $null = $Output.RemoveAll({ $null -eq $args[0] }) }
            if ($Output.Count -eq 0) { return '' }
            return ($Output -join "`n") + "`n"
        }
        if ($Output.Count -eq 1) { $value = $Output[0] } else { $value = $Output }
        if ($Output.Count -eq 0 -or $null -eq $value) { return '' }
        if ($value -is [string]) { return $value }
        Assert-Finite $value '' 0
        Microsoft.PowerShell.Utility\ConvertTo-Json -InputObject $value -Depth 100 -Compress
    }

    # ConvertTo-Json cuts what is too deep, and takes for ever with objects that lead to themselves: both are
    # found here, as everything that leads to itself is too deep.
    function Assert-Finite($Value, [string] $Path, [int] $Depth) {
        if ($null -eq $Value -or $Value -is [string] -or $Value -is [ValueType] -or $Value -is [uri]) { return }
        if ($Depth -gt 100) {
            $Path = $Path -replace '^((\.[^.]*){1,8}).*', '$1'
            throw "the answer is no JSON: its part '$Path' leads back to itself or is deeper than 100 levels; " +
            'choose what to answer with Select-Object'
        }
        if ($Value -is [System.Collections.IDictionary]) {
            foreach ($name in $Value.get_Keys()) {
                $item = $Value[$name]
                if ($item -isnot [string] -and $item -isnot [ValueType] -and $null -ne $item) {
                    Assert-Finite $item "$Path.$name" ($Depth + 1)
                }
            }
        } elseif ($Value -is [System.Collections.ICollection]) {
            $index = 0
            foreach ($item in $Value) {
                if ($item -isnot [string] -and $item -isnot [ValueType] -and $null -ne $item) {
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
