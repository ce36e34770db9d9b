    # Default values of parameters, where the handler's file sets some: a copy, as handlers may change them in place.
    function script:Save-ParameterValues {
        $script:parameterValues = Copy-ParameterValues $global:PSDefaultParameterValues
        if ($parameterValues.Count -gt 0) { $script:textOfGlobals = '' }
        if ($module -isnot [object]) { return }
        $script:moduleParameterValues = Copy-ParameterValues (& $module { , $script:PSDefaultParameterValues })
        if ($moduleParameterValues.Count -gt 0) { $script:textOfModule = '' }
    }

    function script:Copy-ParameterValues($Values) {
        if ($Values -isnot [System.Collections.IDictionary]) { $Values = @{ } }
        , [System.Management.Automation.DefaultParameterDictionary]::new($Values)
    }

    function script:Restore-Globals {
        Restore-Preferences $ExecutionContext.SessionState.PSVariable 'global:' $keptGlobals
        $global:PSDefaultParameterValues = Copy-ParameterValues $parameterValues
    }

    function script:Restore-Module {
        Restore-Preferences $module.SessionState.PSVariable 'script:' $keptOfModule
        & $module { $script:PSDefaultParameterValues = $args[0] } (Copy-ParameterValues $moduleParameterValues)
    }

    function script:Restore-Preferences($Variables, $Scope, $Kept) {
        $names = "$readGlobals" -split '[^\w:]+' -match '^global:\w+(?<!PSDefaultParameterValues)$' -replace '^global:'
        $names = @($names | Microsoft.PowerShell.Utility\Select-Object -Unique)
        for ($index = 0; $index -lt $names.Length; $index++) {
            $name = $Scope + $names[$index]
            if ($Kept[$index] -is [object]) { $Variables.Set($name, $Kept[$index]) } else { $Variables.Remove($name) }
        }
    }
