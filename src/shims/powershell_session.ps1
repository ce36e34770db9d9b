    # The session between events: preferences come back as they were when the handler had been loaded.
    $root = [Environment]::CurrentDirectory
    $script:moduleState = $null
    $preferences = 'ConfirmPreference', 'DebugPreference', 'ErrorActionPreference', 'ErrorView',
    'InformationPreference', 'OFS', 'OutputEncoding', 'ProgressPreference', 'PSModuleAutoLoadingPreference',
    'PSNativeCommandArgumentPassing', 'PSNativeCommandUseErrorActionPreference', 'VerbosePreference',
    'WarningPreference', 'WhatIfPreference'
    $memoryLimit = $env:AWS_LAMBDA_FUNCTION_MEMORY_SIZE -as [int]
    $remainingTime = [System.Management.Automation.PSScriptProperty]::new('RemainingTime', {
            [TimeSpan]::FromMilliseconds($this.GetRemainingTimeInMillis())
        })
    $remainingMilliseconds = [System.Management.Automation.PSScriptMethod]::new('GetRemainingTimeInMillis', {
            [double] $this['lambda-runtime-deadline-ms'] - [DateTimeOffset]::UtcNow.ToUnixTimeMilliseconds()
        })

    # Keeps the preferences: those of the global session, and those that the handler's module has of its own.
    function Save-Session {
        $script:globals = $ExecutionContext.SessionState.PSVariable
        $script:missing = [System.Collections.Generic.List[string]]::new()
        # assignments, unlike methods, take every type without a compilation of its own
        $keep = foreach ($name in $preferences) {
            if ($globals.Get("global:$name")) { "`$script:kept$name = `$global:$name" } else { $missing.Add("global:$name") }
        }
        . ([scriptblock]::Create($keep -join "`n"))
        $script:restore = [scriptblock]::Create(($keep -replace '(.*) = (.*)', '$2 = $1') -join "`n")
        $script:parameterValues = [System.Management.Automation.DefaultParameterDictionary]::new($global:PSDefaultParameterValues)
        if ($moduleState) { Save-ModuleSession $moduleState.PSVariable }
    }

    function Save-ModuleSession($Variables) {
        $script:moduleVariables = $Variables
        $script:moduleMissing = [System.Collections.Generic.List[string]]::new()
        $script:moduleKept = @{ }
        foreach ($name in $preferences) {
            if ($variable = $Variables.Get("script:$name")) {
                $moduleKept["script:$name"] = $variable.Value
            } else {
                $moduleMissing.Add("script:$name")
            }
        }
        $variable = $Variables.Get('script:PSDefaultParameterValues')
        $script:moduleParameterValues = [System.Management.Automation.DefaultParameterDictionary]::new($variable.Value)
    }

    # The session as the last event's handler found it, but for global variables of the handler's own.
    function Reset-Session {
        . $restore
        foreach ($name in $missing) { $globals.Remove($name) }
        $global:PSDefaultParameterValues = [System.Management.Automation.DefaultParameterDictionary]::new($parameterValues)
        if ($moduleState) {
            foreach ($name in $moduleMissing) { $moduleVariables.Remove($name) }
            foreach ($name in $moduleKept.get_Keys()) { $moduleVariables.Set($name, $moduleKept[$name]) }
            $values = [System.Management.Automation.DefaultParameterDictionary]::new($moduleParameterValues)
            $moduleVariables.Set('script:PSDefaultParameterValues', $values)
        }
        if ("$PWD" -cne $root -or [Environment]::CurrentDirectory -cne $root) {
            Microsoft.PowerShell.Management\Set-Location -LiteralPath $root
            [Environment]::CurrentDirectory = $root
        }
        $global:Error.Clear()
        $global:LASTEXITCODE = 0
    }

    # Sets the event's environment variables and makes its context: the environment, the headers, and what
    # other runtimes call them.
    function New-Context([string] $Text) {
        $variables, $lines = $Text -replace '\n\z' -split '\n\n', 2
        foreach ($line in $variables -split '\n') {
            $name, $value = $line -split '=', 2
            [Environment]::SetEnvironmentVariable($name, $value)
        }
        $headers = @{ }
        foreach ($line in $lines -split '\n') {
            $name, $value = $line -split ': ', 2
            $headers[$name] = $value
        }
        $named = @{
            AwsRequestId       = $headers['lambda-runtime-aws-request-id']
            FunctionName       = $env:AWS_LAMBDA_FUNCTION_NAME
            FunctionVersion    = $env:AWS_LAMBDA_FUNCTION_VERSION
            InvokedFunctionArn = $headers['lambda-runtime-invoked-function-arn']
            MemoryLimitInMB    = $memoryLimit
            LogGroupName       = $env:AWS_LAMBDA_LOG_GROUP_NAME
            LogStreamName      = $env:AWS_LAMBDA_LOG_STREAM_NAME
            Identity           = $headers['lambda-runtime-cognito-identity']
            ClientContext      = $headers['lambda-runtime-client-context']
            TenantId           = $headers['lambda-runtime-aws-tenant-id']
        }
        $environment = [Environment]::GetEnvironmentVariables()
        try {
            $context = $environment + $headers + $named
        } catch {
            # names that differ only in case, as http_proxy and HTTP_PROXY, share an entry
            $context = @{ }
            foreach ($part in $environment, $headers, $named) {
                foreach ($name in $part.get_Keys()) { $context[$name] = $part[$name] }
            }
        }
        $members = $context.PSObject.Members
        $members.Add($remainingTime)
        $members.Add($remainingMilliseconds)
        $context
    }
