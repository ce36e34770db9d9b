    # The session between events: preferences come back as they were when the handler had been loaded.
    $root = [Environment]::CurrentDirectory
    $atRoot = $root, $root -join '|'
    $script:module = $null
    $preferences = 'ConfirmPreference', 'DebugPreference', 'ErrorActionPreference', 'ErrorView',
    'InformationPreference', 'OFS', 'OutputEncoding', 'ProgressPreference', 'PSModuleAutoLoadingPreference',
    'PSNativeCommandArgumentPassing', 'PSNativeCommandUseErrorActionPreference', 'VerbosePreference',
    'WarningPreference', 'WhatIfPreference'
    $memoryLimit = $env:AWS_LAMBDA_FUNCTION_MEMORY_SIZE -as [int]
    Microsoft.PowerShell.Utility\Update-TypeData -TypeName LambdaContext -MemberType ScriptProperty -MemberName RemainingTime -Value {
        [TimeSpan]::FromMilliseconds($this.GetRemainingTimeInMillis())
    }
    Microsoft.PowerShell.Utility\Update-TypeData -TypeName LambdaContext -MemberType ScriptMethod -MemberName GetRemainingTimeInMillis -Value {
        [double] $this['lambda-runtime-deadline-ms'] - [DateTimeOffset]::UtcNow.ToUnixTimeMilliseconds()
    }

    # What Reset-Session compares: preferences, whether there is an $OFS, which may be empty, and default values of
    # parameters with their count.
    function Format-Reader($Scope) {
        "`$$Scope$($preferences -join ", `$$Scope"), (`$${Scope}OFS -is [object]), `$${Scope}PSDefaultParameterValues, " +
        "`$${Scope}PSDefaultParameterValues.Count"
    }

    # Keeps the preferences: those of the global session, and those that the handler's module has of its own.
    function Save-Session {
        $script:readGlobals = [scriptblock]::Create((Format-Reader 'global:'))
        $script:keptGlobals = & $readGlobals
        $script:textOfGlobals = $keptGlobals -join '|'
        $script:textOfModule = '|0'
        if ($module -is [object]) {
            $script:readModule = [scriptblock]::Create((Format-Reader 'script:'))
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
