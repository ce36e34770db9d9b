    # The session between events: preferences come back as they were when the handler had been loaded.
    $root = [Environment]::CurrentDirectory
    $atRoot = $root, $root -join '|'
    $script:module = $null
    # What is compared: preferences, whether there is an $OFS, which may be empty, and default values of parameters
    # with their count. The names stand here twice, as a block made of text takes longer to start.
    $readGlobals = {
        $global:ConfirmPreference, $global:DebugPreference, $global:ErrorActionPreference, $global:ErrorView,
        $global:InformationPreference, $global:OFS, $global:OutputEncoding, $global:ProgressPreference,
        $global:PSModuleAutoLoadingPreference, $global:PSNativeCommandArgumentPassing,
        $global:PSNativeCommandUseErrorActionPreference, $global:VerbosePreference, $global:WarningPreference,
        $global:WhatIfPreference, ($global:OFS -is [object]), $global:PSDefaultParameterValues,
        $global:PSDefaultParameterValues.Count
    }
    $readModule = {
        $script:ConfirmPreference, $script:DebugPreference, $script:ErrorActionPreference, $script:ErrorView,
        $script:InformationPreference, $script:OFS, $script:OutputEncoding, $script:ProgressPreference,
        $script:PSModuleAutoLoadingPreference, $script:PSNativeCommandArgumentPassing,
        $script:PSNativeCommandUseErrorActionPreference, $script:VerbosePreference, $script:WarningPreference,
        $script:WhatIfPreference, ($script:OFS -is [object]), $script:PSDefaultParameterValues,
        $script:PSDefaultParameterValues.Count
    }
    $memoryLimit = $env:AWS_LAMBDA_FUNCTION_MEMORY_SIZE -as [int]
    Microsoft.PowerShell.Utility\Update-TypeData -TypeName LambdaContext -MemberType ScriptProperty -MemberName RemainingTime -Value {
        [TimeSpan]::FromMilliseconds($this.GetRemainingTimeInMillis())
    }
    Microsoft.PowerShell.Utility\Update-TypeData -TypeName LambdaContext -MemberType ScriptMethod -MemberName GetRemainingTimeInMillis -Value {
        [double] $this['lambda-runtime-deadline-ms'] - [DateTimeOffset]::UtcNow.ToUnixTimeMilliseconds()
    }

    # Keeps the preferences: those of the global session, and those that the handler's module has of its own.
    function Save-Session {
        $script:keptGlobals = & $readGlobals
        $script:textOfGlobals = $keptGlobals -join '|'
        $script:textOfModule = '|0'
        if ($module -is [object]) {
            $script:keptOfModule = & $module $readModule
            $script:textOfModule = $keptOfModule -join '|'
        }
        if ("$textOfGlobals $textOfModule" -notmatch '\|0 .*\|0$') {
            Import-Part 'restore'
            Save-ParameterValues
        }
    }

    # The session as the last event's handler found it, but for global variables of the handler's own; and what the
    # next event's context begins with. It is done between events, as no answer has to wait for it.
    function Reset-Session {
        $text = (& $readGlobals) -join '|'
        if ($text -cne $textOfGlobals) {
            Import-Part 'restore'
            Restore-Globals
        }
        if ($module -is [object]) {
            $text = (& $module $readModule) -join '|'
            if ($text -cne $textOfModule) {
                Import-Part 'restore'
                Restore-Module
            }
        }
        $places = $PWD, [Environment]::CurrentDirectory -join '|'
        if ($places -cne $atRoot) {
            Microsoft.PowerShell.Management\Set-Location -LiteralPath $root
            [Environment]::CurrentDirectory = $root
        }
        $global:Error.Clear()
        $global:LASTEXITCODE = 0
        $environment = [Environment]::GetEnvironmentVariables()
        $named = @{
            FunctionName    = $environment['AWS_LAMBDA_FUNCTION_NAME']
            FunctionVersion = $environment['AWS_LAMBDA_FUNCTION_VERSION']
            MemoryLimitInMB = $memoryLimit
            LogGroupName    = $environment['AWS_LAMBDA_LOG_GROUP_NAME']
            LogStreamName   = $environment['AWS_LAMBDA_LOG_STREAM_NAME']
        }
        try {
            $script:nextContext = $environment + $named
        } catch {
            # names that differ only in case, as http_proxy and HTTP_PROXY, share an entry
            $script:nextContext = $named
            foreach ($name in $environment.get_Keys()) { $nextContext[$name] = $environment[$name] }
        }
        $nextContext.PSTypeNames.Add('LambdaContext')
    }
