    function script:Restore-Preferences($Variables, $Scope, $Kept) {
        for ($index = 0; $index -lt $Kept.Length; $index++) {
            $name = $Scope + $preferences[$index]
            if ($Kept[$index] -is [object]) { $Variables.Set($name, $Kept[$index]) } else { $Variables.Remove($name) }
        }
    }
