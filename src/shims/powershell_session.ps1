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

    # Keeps the preferences: those of the global session, and those that the handler's module has of its own.
    function Save-Session {
        $script:readGlobals = [scriptblock]::Create("`$global:$($preferences -join ', $global:')")
        $script:keptGlobals = & $readGlobals
        $script:parameterValues = [System.Management.Automation.DefaultParameterDictionary]::new($global:PSDefaultParameterValues)
        if ($module -is [object]) {
            $script:readModule = [scriptblock]::Create("`$script:$($preferences -join ', $script:')")
            $script:keptOfModule = & $module $readModule
            $script:moduleParameterValues = [System.Management.Automation.DefaultParameterDictionary]::new((& $module { , $script:PSDefaultParameterValues }))
        }
    }

    # Whether preferences are others than the kept ones; one that is empty is not the same as none.
    function Test-Changed($Values, $Kept) {
        $text = $Values -join '|'
        $text -cne ($Kept -join '|') -or ($Values[5] -is [object] -xor $Kept[5] -is [object])
    }

    # The session as the last event's handler found it, but for global variables of the handler's own.
    function Reset-Session {
        $changed = Test-Changed (& $readGlobals) $keptGlobals
        if ($changed) {
            Import-Part 'restore'
            Restore-Preferences $ExecutionContext.SessionState.PSVariable 'global:' $keptGlobals
        }
        $global:PSDefaultParameterValues = [System.Management.Automation.DefaultParameterDictionary]::new($parameterValues)
        if ($module -is [object]) {
            $changed = Test-Changed (& $module $readModule) $keptOfModule
            if ($changed) {
                Import-Part 'restore'
                Restore-Preferences $module.SessionState.PSVariable 'script:' $keptOfModule
            }
            & $module { $script:PSDefaultParameterValues = $args[0] } ([System.Management.Automation.DefaultParameterDictionary]::new($moduleParameterValues))
        }
        $places = $PWD, [Environment]::CurrentDirectory -join '|'
        if ($places -cne $atRoot) {
            Microsoft.PowerShell.Management\Set-Location -LiteralPath $root
            [Environment]::CurrentDirectory = $root
        }
        $global:Error.Clear()
        $global:LASTEXITCODE = 0
    }

    # Sets the event's environment variables and makes its context: the environment, the headers, and what
    # other runtimes call them.
    function New-Context($Request) {
        foreach ($line in $Request['variables'] -split '\n') {
            $name, $value = $line -split '=', 2
            [Environment]::SetEnvironmentVariable($name, $value)
        }
        $headers = @{ }
        foreach ($line in $Request['headers'] -split '\n') {
            $name, $value = $line -split ': ', 2
            $headers[$name] = $value
        }
        $environment = [Environment]::GetEnvironmentVariables()
        $named = @{
            AwsRequestId       = $headers['lambda-runtime-aws-request-id']
            FunctionName       = $environment['AWS_LAMBDA_FUNCTION_NAME']
            FunctionVersion    = $environment['AWS_LAMBDA_FUNCTION_VERSION']
            InvokedFunctionArn = $headers['lambda-runtime-invoked-function-arn']
            MemoryLimitInMB    = $memoryLimit
            LogGroupName       = $environment['AWS_LAMBDA_LOG_GROUP_NAME']
            LogStreamName      = $environment['AWS_LAMBDA_LOG_STREAM_NAME']
            Identity           = $headers['lambda-runtime-cognito-identity']
            ClientContext      = $headers['lambda-runtime-client-context']
            TenantId           = $headers['lambda-runtime-aws-tenant-id']
        }
        try {
            $context = $environment + $headers + $named
        } catch {
            # names that differ only in case, as http_proxy and HTTP_PROXY, share an entry
            $context = @{ }
            foreach ($part in $environment, $headers, $named) {
                foreach ($name in $part.get_Keys()) { $context[$name] = $part[$name] }
            }
        }
        $context.PSTypeNames.Add('LambdaContext')
        $context
    }
