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
