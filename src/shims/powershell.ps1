# What runs inside PowerShell: `pwsh -Command "THIS KIND PLACE FUNCTION ANSWER LOGS MODULES FDS REQUESTS REPORTS"`.
#
#   KIND      module, script or dotsource          MODULES   where modules are looked for first
#   PLACE     its file, or a module's name         FDS       /proc/PID/fd of the bootstrap
#   FUNCTION  its function, or empty               REQUESTS  the descriptor of the request pipe there
#   ANSWER    pipeline or value                    REPORTS   the descriptor of the report pipe
#   LOGS      text or json
#
# `src/frame.rs` describes what goes over the pipes; two more files stand where this one names them.
# Everything here lives in a module of its own, which no handler can see. What handlers call runs in the blocks
# at the end, which belong to the global session and hold no variables.
& ([System.Management.Automation.PSModuleInfo]::new($true)) {
    param($InSession, $Kind, $Place, $Function, $Answer, $Logs, $Modules, $Fds, $Requests, $Reports)

    #include powershell_json.ps1
    #include powershell_failure.ps1

    $root = [Environment]::CurrentDirectory
    $utf8 = [System.Text.UTF8Encoding]::new($false)
    $headerNames = @{ }
    $state = @{
        Buffer    = [byte[]]::new(65536)
        Scopes    = [System.Collections.Generic.List[object]]::new()
        Events    = 0
        RequestId = ''
        Line      = '' # what Write-Host -NoNewline has begun, in JSON mode
        Status    = 0
    }
    $remainingTime = [System.Management.Automation.PSScriptProperty]::new('RemainingTime', {
            [TimeSpan]::FromMilliseconds($this.GetRemainingTimeInMillis())
        })
    $remainingMilliseconds = [System.Management.Automation.PSScriptMethod]::new('GetRemainingTimeInMillis', {
            [double] $this['Lambda-Runtime-Deadline-Ms'] - [DateTimeOffset]::UtcNow.ToUnixTimeMilliseconds()
        })
    # preferences as they are when the handler has been loaded come back before each event
    $preferences = 'ConfirmPreference', 'DebugPreference', 'ErrorActionPreference', 'ErrorView',
    'InformationPreference', 'OFS', 'OutputEncoding', 'ProgressPreference', 'PSDefaultParameterValues',
    'PSModuleAutoLoadingPreference', 'PSNativeCommandArgumentPassing',
    'PSNativeCommandUseErrorActionPreference', 'VerbosePreference', 'WarningPreference', 'WhatIfPreference'

    # Reads until the buffer holds this many bytes; gives how many it holds, 0 at the end of the pipe.
    function Read-Bytes($Pipe, [int] $Held, [int] $Needed) {
        if ($Needed -gt $state.Buffer.Length) {
            $larger = [byte[]]::new($Needed)
            [Buffer]::BlockCopy($state.Buffer, 0, $larger, 0, $Held)
            $state.Buffer = $larger
        }
        while ($Held -lt $Needed) {
            $count = $Pipe.Read($state.Buffer, $Held, $state.Buffer.Length - $Held)
            if ($count -eq 0) { return 0 }
            $Held += $count
        }
        $Held
    }

    # The frames `context` and `event`, or one that stands alone: their names and payloads, as text.
    # Nothing at the end of the pipe. The bootstrap sends no request before the last one is answered.
    function Read-Request($Pipe) {
        $held = $begin = 0
        $request = @{ }
        do {
            while (($end = [Array]::IndexOf($state.Buffer, [byte] 10, $begin, $held - $begin)) -lt 0) {
                $held = Read-Bytes $Pipe $held ($held + 1)
                if ($held -eq 0) { return }
            }
            $name, $length = $utf8.GetString($state.Buffer, $begin, $end - $begin).Split(' ')
            $begin = $end + 1 + $length
            if ($held -lt $begin) {
                $held = Read-Bytes $Pipe $held $begin
                if ($held -eq 0) { return }
            }
            $request[$name] = $utf8.GetString($state.Buffer, $end + 1, $length)
        } while ($name -eq 'context')
        $request
    }

    function Write-Frame($Pipe, [string] $Name, [string] $Payload) {
        $frame = $utf8.GetBytes("$Name $($utf8.GetByteCount($Payload))`n$Payload")
        $Pipe.Write($frame, 0, $frame.Length)
    }

    # Sets the event's environment variables and makes its context out of the headers.
    function New-Context([string] $Text) {
        $lines = $Text.Split("`n")
        for ($number = 0; $lines[$number]; $number++) {
            $name, $value = $lines[$number].Split('=', 2)
            [Environment]::SetEnvironmentVariable($name, $value)
        }
        # names that differ only in case, as http_proxy and HTTP_PROXY, share an entry
        $context = @{ }
        foreach ($variable in [Environment]::GetEnvironmentVariables().GetEnumerator()) {
            $context[$variable.Key] = $variable.Value
        }
        for ($number++; $number -lt $lines.Length - 1; $number++) {
            $name, $value = $lines[$number].Split(': ', 2)
            if (-not ($spelled = $headerNames[$name])) {
                $spelled = $headerNames[$name] = [regex]::Replace($name, '(^|-)[a-z]', { "$args".ToUpperInvariant() })
            }
            $context[$spelled] = $value
        }
        $context['AwsRequestId'] = $context['Lambda-Runtime-Aws-Request-Id']
        $context['FunctionName'] = $context['AWS_LAMBDA_FUNCTION_NAME']
        $context['FunctionVersion'] = $context['AWS_LAMBDA_FUNCTION_VERSION']
        $context['InvokedFunctionArn'] = $context['Lambda-Runtime-Invoked-Function-Arn']
        $context['MemoryLimitInMB'] = $context['AWS_LAMBDA_FUNCTION_MEMORY_SIZE'] -as [int]
        $context['LogGroupName'] = $context['AWS_LAMBDA_LOG_GROUP_NAME']
        $context['LogStreamName'] = $context['AWS_LAMBDA_LOG_STREAM_NAME']
        $context['Identity'] = $context['Lambda-Runtime-Cognito-Identity']
        $context['ClientContext'] = $context['Lambda-Runtime-Client-Context']
        $context['TenantId'] = $context['Lambda-Runtime-Aws-Tenant-Id']
        $members = $context.PSObject.Members
        $members.Add($remainingTime)
        $members.Add($remainingMilliseconds)
        $context
    }

    # The session as the last event's handler found it, but for its global variables.
    function Reset-Session {
        foreach ($scope in $state.Scopes) {
            foreach ($name in $preferences) {
                $value = $scope.Kept[$name]
                $variable = $scope.Variables.Get("$($scope.Prefix):$name")
                if ($null -eq $value) {
                    if ($null -ne $variable) { $scope.Variables.Remove($variable) }
                } elseif ($name -eq 'PSDefaultParameterValues') {
                    $copy = [System.Management.Automation.DefaultParameterDictionary]::new($value)
                    $scope.Variables.Set("$($scope.Prefix):$name", $copy)
                } elseif ($null -eq $variable -or -not [object]::Equals($variable.Value, $value)) {
                    $scope.Variables.Set("$($scope.Prefix):$name", $value)
                }
            }
        }
        if ($ExecutionContext.SessionState.Path.CurrentLocation.Path -cne $root) {
            $null = $ExecutionContext.SessionState.Path.SetLocation([WildcardPattern]::Escape($root))
        }
        if ([Environment]::CurrentDirectory -cne $root) { [Environment]::CurrentDirectory = $root }
        $global:Error.Clear()
        $global:LASTEXITCODE = 0
    }

    # Keeps the preferences of a session: the global one, or a module's own.
    function Add-KeptScope($SessionState, [string] $Prefix) {
        $kept = @{ }
        foreach ($name in $preferences) {
            $variable = $SessionState.PSVariable.Get("${Prefix}:$name")
            if ($null -ne $variable) { $kept[$name] = $variable.Value }
        }
        $values = $kept['PSDefaultParameterValues']
        if ($values) { $kept['PSDefaultParameterValues'] = $values.Clone() }
        $state.Scopes.Add(@{ Variables = $SessionState.PSVariable; Prefix = $Prefix; Kept = $kept })
    }

    # Writes a record of a stream other than the output as a line of the log in JSON.
    function Write-Record($Record, [string] $Level, [string] $Message) {
        if ($Record -is [System.Management.Automation.InformationRecord]) {
            $data = $Record.MessageData
            if ($data -is [System.Management.Automation.HostInformationMessage]) {
                $Message = $state.Line + $data.Message
                $state.Line = ''
                if ($data.NoNewLine) {
                    $state.Line = $Message
                    return
                }
            }
        }
        $line = [ordered]@{
            timestamp = [DateTime]::UtcNow.ToString('yyyy-MM-ddTHH:mm:ss.ffffffZ')
            level     = $Level
            requestId = $state.RequestId
            message   = $Message
        }
        [Console]::Error.WriteLine((Microsoft.PowerShell.Utility\ConvertTo-Json -InputObject $line -Compress))
    }

    # Takes what a handler puts out; in JSON mode records of other streams are among it.
    function Receive-Output {
        process {
            if ($Logs -eq 'text' -or $null -eq $_) {
                $output.Add($_)
            } elseif ($_ -is [System.Management.Automation.InformationRecord]) {
                Write-Record $_ 'INFO' "$_"
            } elseif ($_ -is [System.Management.Automation.VerboseRecord]) {
                Write-Record $_ 'TRACE' $_.Message
            } elseif ($_ -is [System.Management.Automation.DebugRecord]) {
                Write-Record $_ 'DEBUG' $_.Message
            } elseif ($_ -is [System.Management.Automation.WarningRecord]) {
                Write-Record $_ 'WARN' $_.Message
            } elseif ($_ -isnot [System.Management.Automation.ErrorRecord]) {
                $output.Add($_)
            } elseif ($_.FullyQualifiedErrorId -like 'NativeCommandError*') {
                # what a native command wrote to its standard error
                [Console]::Error.WriteLine("$_")
            } else {
                Write-Record $_ 'ERROR' "$_"
            }
        }
    }

    # Calls the handler and gives its answer; a script's exit status is in the state.
    function Invoke-Handler($Handler, [string] $Text, $Context) {
        $output = [System.Collections.Generic.List[object]]::new()
        $data = $objects = $Text
        if ($Text -and "$($Context['Content-Type'])".StartsWith('application/json', 'OrdinalIgnoreCase')) {
            $parsed = ConvertFrom-Event $Text
            $data = $parsed.Data
            $objects = $parsed.Objects
        }
        $global:LambdaInput = $objects
        $global:LambdaContext = $Context
        if ($Handler.TakesObjects) { $data = $objects }
        $succeeded = $true
        # `break` outside of a loop would end ours
        foreach ($once in 1) {
            if ($Logs -eq 'text') {
                & $Handler.Call $Handler.Command $data $Context | Receive-Output
            } else {
                & $Handler.Call $Handler.Command $data $Context *>&1 | Receive-Output
            }
            $succeeded = $?
        }
        if ($state.Line) {
            [Console]::Error.WriteLine($state.Line)
            $state.Line = ''
        }
        # `exit` ends a script, not the process; a native command's status alone is no error of the script
        if (-not $succeeded -and $Kind -eq 'script') { $state.Status = $global:LASTEXITCODE }
        ConvertTo-Answer $output $Handler.Answer
    }

    # Answers one event.
    function Invoke-Event($Handler, $Request, $Pipe) {
        $context = $null
        $state.Status = 0
        try {
            Reset-Session
            $context = New-Context $Request['context']
            $state.RequestId = $context['AwsRequestId']
            $answer = Invoke-Handler $Handler $Request['event'] $context
            $name = 'answer'
        } catch {
            $answer = ConvertTo-Failure $_ $context
            $name = 'failure'
        }
        if ($state.Status -ne 0) {
            Write-Frame $Pipe 'exiting' "$($state.Events) $($state.Status)"
            $answer = $state.Status
            $name = 'ended'
        }
        Write-Frame $Pipe $name $answer
    }

    # The command that the handler names; nothing where its file does not define it, and that is reported.
    function Import-Handler($Pipe) {
        if ($Kind -eq 'script') {
            $command = & $InSession.Find $Place 'ExternalScript'
            $null = $command.ScriptBlock # parses it
            return $command
        }
        if ($Kind -eq 'module') {
            $module = & $InSession.Import $Place | & {
                process { if ($_ -is [System.Management.Automation.PSModuleInfo]) { $_ } else { Out-Host -InputObject $_ } }
            }
            Add-KeptScope $module.SessionState 'script'
            $command = $module.ExportedCommands[$Function]
            $defined = $module.ExportedCommands.Keys
        } else {
            . $InSession.DotSource $Place | Out-Host
            $command = & $InSession.Find $Function 'Function, Filter'
            $defined = & $InSession.Functions | & { process { if ($_.ScriptBlock.File -eq $Place) { $_.Name } } }
        }
        if ($command -is [System.Management.Automation.AliasInfo]) { $command = $command.ResolvedCommand }
        if (-not $command) { Write-Frame $Pipe 'undefined' ($defined -join "`n") }
        $command
    }

    # How a command can be called with an event and a context, by its declaration.
    function New-Handler($Command, [string] $Answer) {
        $set = $Command.ParameterSets | & { process { if ($_.IsDefault -or $Command.ParameterSets.Count -eq 1) { $_ } } }
        if (-not $set) { $set = $Command.ParameterSets[0] }
        $first = ''
        $places = 0
        $fromPipeline = $false
        foreach ($parameter in $set.Parameters) {
            if ($parameter.Position -eq 0) { $first = $parameter.Name }
            if ($parameter.Position -ge 0) { $places++ }
            if ($parameter.ValueFromRemainingArguments) { $places += 2 }
            if ($parameter.ValueFromPipeline) { $fromPipeline = $true }
        }
        # only what is declared with CmdletBinding or Parameter has this one
        if (-not $Command.Parameters -or -not $Command.Parameters.ContainsKey('OutBuffer')) {
            $call = if ($places -eq 0 -and $Command.ScriptBlock.Ast.Body.ProcessBlock) { 'PipedPlain' } else { 'Plain' }
        } elseif ($places -gt 0) {
            $call = if ($places -eq 1) { 'One' } else { 'Two' }
        } else {
            $call = if ($fromPipeline) { 'Piped' } else { 'None' }
        }
        @{
            Command      = $Command
            Call         = $InSession[$call]
            Answer       = $Answer
            TakesObjects = $Answer -eq 'value' -or $first -eq 'LambdaInput'
        }
    }

    # Runs events that never were, so that the first real one finds everything compiled.
    function Invoke-DryRun {
        function Test-Event {
            [CmdletBinding()]
            param($LambdaEvent, $Context)
            if ($LambdaEvent['throw']) { throw 'nothing' }
            $LambdaEvent
        }
        $handler = New-Handler (Get-Item -LiteralPath 'Function:\Test-Event') 'pipeline'
        foreach ($text in '{"a":[1,2.5,"b"],"c":{"d":null}}', '{"throw":true}') {
            $context = "_X_AMZN_TRACE_ID`n`ncontent-type: application/json`nlambda-runtime-aws-request-id: 0`n"
            $pipe = [System.IO.MemoryStream]::new()
            Write-Frame $pipe 'context' $context
            Write-Frame $pipe 'event' $text
            $pipe.Position = 0
            Invoke-Event $handler (Read-Request $pipe) ([System.IO.MemoryStream]::new())
        }
        $variables = $ExecutionContext.SessionState.PSVariable
        $variables.Remove('global:LambdaInput')
        $variables.Remove('global:LambdaContext')
    }

    # by its path: looking for it by name, as its first cmdlet would, costs three times as much
    foreach ($module in 'Microsoft.PowerShell.Utility', 'Microsoft.PowerShell.Management') {
        Import-Module -Global -Name "$PSHOME/Modules/$module/$module.psd1"
    }
    $env:PSModulePath = "${Modules}:$PSHOME/Modules"
    $global:ErrorActionPreference = 'Stop'
    $global:InformationPreference = 'Continue'
    $global:ProgressPreference = 'SilentlyContinue'
    $PSStyle.OutputRendering = 'PlainText'
    $requestPipe = [System.IO.FileStream]::new("$Fds/$Requests", 'Open', 'Read', 'ReadWrite', 1)
    $reportPipe = [System.IO.FileStream]::new("$Fds/$Reports", 'Open', 'Write', 'ReadWrite', 1)
    try {
        $command = Import-Handler $reportPipe
        if (-not $command) { return }
        $handler = New-Handler $command $Answer
    } catch {
        Write-Frame $reportPipe 'failure' (ConvertTo-LoadFailure $_)
        return
    }
    Add-KeptScope $ExecutionContext.SessionState 'global'
    Invoke-DryRun
    Write-Frame $reportPipe 'ready' ''
    while ($request = Read-Request $requestPipe) {
        if ($request.ContainsKey('event')) {
            $state.Events++
            Invoke-Event $handler $request $reportPipe
        } else {
            Write-Frame $reportPipe 'ready' ''
        }
    }
} @{
    Import     = { Import-Module -Name $args[0] -PassThru -DisableNameChecking }
    DotSource  = { . $args[0] }
    Find       = { $ExecutionContext.InvokeCommand.GetCommand($args[0], $args[1]) }
    Functions  = { Get-ChildItem -LiteralPath 'Function:\' }
    Plain      = { & $args[0] $args[1] $args[2] }
    PipedPlain = { , $args[1] | & $args[0] $args[1] $args[2] }
    Two        = { & $args[0] $args[1] $args[2] -Verbose }
    One        = { & $args[0] $args[1] -Verbose }
    None       = { & $args[0] -Verbose }
    Piped      = { , $args[1] | & $args[0] -Verbose }
}
