    # An event of JSON, twice: hashtables with dates as text, and the objects that ConvertFrom-Json makes.
    # Text that is no JSON stays text.
    function ConvertFrom-Event([string] $Text) {
        try {
            $data = Read-Json $Text
        } catch [Newtonsoft.Json.JsonException] {
            return @{ Data = $Text; Objects = $Text }
        }
        $failed = $null
        try {
            $objects = [Microsoft.PowerShell.Commands.JsonObject]::ConvertFromJson($Text, [ref] $failed)
        } catch {
            $failed = $_
        }
        # an object cannot have keys that are empty or differ only in case: a hashtable can
        if ($failed) { $objects = $data }
        @{ Data = $data; Objects = $objects }
    }

    # Not ConvertFrom-Json -AsHashtable: its keys are case-sensitive and, before PowerShell 7.5, its dates no text.
    # One loop, without recursion: calls are what costs in PowerShell.
    function Read-Json([string] $Text) {
        $reader = [Newtonsoft.Json.JsonTextReader]::new([System.IO.StringReader]::new($Text))
        $reader.DateParseHandling = [Newtonsoft.Json.DateParseHandling]::None
        $reader.MaxDepth = 1024
        $above = [System.Collections.Generic.Stack[object]]::new()
        $names = [System.Collections.Generic.Stack[string]]::new()
        $parent = $value = $name = $null
        while ($reader.Read()) {
            $token = [int] $reader.TokenType
            if ($token -eq 4) {
                # a property's name
                $name = $reader.Value
                continue
            }
            if ($token -eq 5) { continue } # a comment
            if ($token -eq 1 -or $token -eq 2) {
                # an object or an array begins
                $above.Push($parent)
                $names.Push($name)
                if ($token -eq 1) { $parent = @{ } } else { $parent = [System.Collections.Generic.List[object]]::new() }
                continue
            }
            if ($token -eq 13 -or $token -eq 14) {
                # it ends
                if ($token -eq 13) { $value = $parent } else { $value = $parent.ToArray() }
                $parent = $above.Pop()
                $name = $names.Pop()
            } else {
                $value = $reader.Value
            }
            if ($parent -is [hashtable]) { $parent[$name] = $value } elseif ($null -ne $parent) { $parent.Add($value) }
        }
        , $value
    }

    # What a handler put out, as text.
    function ConvertTo-Answer([System.Collections.Generic.List[object]] $Output, [string] $Rule) {
        if ($Rule -eq 'pipeline') {
            $text = $true
            foreach ($item in $Output) {
                if ($null -ne $item -and $item -isnot [string]) {
                    $text = $false
                    break
                }
            }
            if ($text) {
                # as Out-String gives it
                $lines = $Output.FindAll({ $null -ne $args[0] })
                if ($lines.Count -eq 0) { return '' }
                return [string]::Join("`n", $lines) + "`n"
            }
        }
        if ($Output.Count -eq 0) { return '' }
        $value = if ($Output.Count -eq 1) { , $Output[0] } else { , $Output }
        if ($null -eq $value) { return '' }
        if ($value -is [string]) { return $value }
        Assert-Finite $value
        Microsoft.PowerShell.Utility\ConvertTo-Json -InputObject $value -Depth 100 -Compress
    }

    # ConvertTo-Json cuts what is too deep, and never ends with an object that leads to itself.
    function Assert-Finite($Value) {
        if ($null -eq $Value -or $Value -is [string] -or $Value -is [ValueType]) { return }
        $above = [System.Collections.Generic.List[object]]::new()
        $names = [System.Collections.Generic.List[object]]::new()
        Assert-FiniteBelow $Value $above $names
    }

    function Assert-FiniteBelow($Value, $Above, $Names) {
        $reason = $null
        if ($Above.Count -gt 100) { $reason = 'is deeper than the 100 levels of ConvertTo-Json' }
        foreach ($ancestor in $Above) {
            if ([object]::ReferenceEquals($ancestor, $Value)) { $reason = 'leads back to an object that holds it' }
        }
        if ($reason) {
            $path = ".$($Names.GetRange(0, [Math]::Min(8, $Names.Count)) -join '.')"
            throw "the answer is no JSON: its part '$path' $reason; choose what to answer with Select-Object"
        }
        $Above.Add($Value)
        if ($Value -is [System.Collections.IDictionary]) {
            foreach ($key in $Value.get_Keys()) {
                $child = $Value[$key]
                if ($null -ne $child -and $child -isnot [string] -and $child -isnot [ValueType]) {
                    $Names.Add($key)
                    Assert-FiniteBelow $child $Above $Names
                    $Names.RemoveAt($Names.Count - 1)
                }
            }
        } elseif ($Value -is [System.Collections.ICollection]) {
            $number = 0
            foreach ($child in $Value) {
                if ($null -ne $child -and $child -isnot [string] -and $child -isnot [ValueType]) {
                    $Names.Add($number)
                    Assert-FiniteBelow $child $Above $Names
                    $Names.RemoveAt($Names.Count - 1)
                }
                $number++
            }
        } elseif ($Value -isnot [uri] -and $Value -isnot [System.Collections.IEnumerable]) {
            foreach ($property in $Value.PSObject.Properties) {
                # a property may refuse to be read: ConvertTo-Json makes null of it
                try { $child = $property.Value } catch { continue }
                if ($null -ne $child -and $child -isnot [string] -and $child -isnot [ValueType]) {
                    $Names.Add($property.Name)
                    Assert-FiniteBelow $child $Above $Names
                    $Names.RemoveAt($Names.Count - 1)
                }
            }
        }
        $Above.RemoveAt($Above.Count - 1)
    }
