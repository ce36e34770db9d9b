# What runs inside PowerShell: `pwsh -File THIS KIND PLACE FUNCTION ANSWER LOGS MODULES FDS REQUESTS REPORTS`.
#
#   KIND      module, script or dotsource          MODULES   where modules are looked for first
#   PLACE     its file, or a module's name         FDS       /proc/PID/fd of the bootstrap
#   FUNCTION  its function, or empty               REQUESTS  the descriptor of the request pipe there
#   ANSWER    pipeline or value                    REPORTS   the descriptor of the report pipe
#   LOGS      text or json
#
# `src/frame.rs` describes what goes over the pipes. Everything here lives in a module of its own, which no
# handler can see. What handlers call runs in the blocks at the end, which belong to the global session.
#
# What the start costs is the first use of every operation on an object, about a millisecond each: PowerShell
# compiles it for the types that it meets. Commands, -is, -split and -join cost nothing; the same operation on
# the same types once more costs little. Hence $x['name'] throughout, and no operation without need.
& ([System.Management.Automation.PSModuleInfo]::new($true)) {
    param($InSession, $Kind, $Place, $Function, $Answer, $Logs, $Modules, $Fds, $Requests, $Reports)

    #include powershell_session.ps1
    #include powershell_json.ps1
    #include powershell_logs.ps1
    #include powershell_failure.ps1
    #include powershell_snapstart.ps1

    $utf8 = [System.Text.UTF8Encoding]::new($false)
    $script:buffer = [byte[]]::new(65536)
    $events = 0
    $script:requestId = ''

    # The payloads of the frames `context` and `event`, or the name of a frame that stands alone; nothing at the
    # end of the pipe. The bootstrap sends no request before the last one is answered.
    function Read-Request($Pipe) {
        $held = 0
        while ($true) {
            $count = $Pipe.Read($buffer, $held, $buffer.Length - $held)
            if ($count -eq 0) {
                if ($held -lt $buffer.Length) { return }
                # a context with long headers
                $larger = [byte[]]::new(2 * $held)
                [Buffer]::BlockCopy($buffer, 0, $larger, 0, $held)
                $script:buffer = $larger
                continue
            }
            $held += $count
            # an event that came whole, as most do, is taken by commands that cost no start
            $text = $utf8.GetString($buffer, 0, $held)
            if ($text -notmatch '(?s)\A(\w+) (\d+)\n(?:(.*?\n\n.*?\n)event (\d+)\n(.*))?') { continue }
            if ($Matches[1] -ne 'context') { return @{ step = $Matches[1] } }
            if (-not $Matches[3]) { continue }
            if ($utf8.GetByteCount($Matches[5]) -eq $Matches[4]) {
                return @{ context = $Matches[3]; event = $Matches[5] }
            }
            return Read-LongRequest $Pipe $held ([int] $Matches[2]) ([int] $Matches[4])
        }
    }

    # The same of an event that has come in part, or that is no UTF-8.
    function Read-LongRequest($Pipe, [int] $Held, [int] $ContextSize, [int] $EventSize) {
        $contextBegin = "context $ContextSize`n".Length
        $eventBegin = $contextBegin + $ContextSize + "event $EventSize`n".Length
        $whole = $buffer
        if ($eventBegin + $EventSize -gt $buffer.Length) {
            $whole = [byte[]]::new($eventBegin + $EventSize)
            [Buffer]::BlockCopy($buffer, 0, $whole, 0, $Held)
        }
        while ($Held -lt $eventBegin + $EventSize) {
            $count = $Pipe.Read($whole, $Held, $whole.Length - $Held)
            if ($count -eq 0) { return }
            $Held += $count
        }
        @{
            context = $utf8.GetString($whole, $contextBegin, $ContextSize)
            event   = $utf8.GetString($whole, $eventBegin, $EventSize)
        }
    }

    function Write-Frame($Pipe, [string] $Name, [string] $Payload) {
        $frame = $utf8.GetBytes("$Name $($utf8.GetByteCount($Payload))`n$Payload")
        $Pipe.Write($frame, 0, $frame.Length)
    }

    # Takes what a handler puts out, in JSON mode records of its other streams too.
    function Receive-Output {
        process {
            if ($Logs -eq 'text' -or -not (Write-Record $_)) {
                if ($null -eq $_) { $script:hasNull = $true } elseif ($_ -isnot [string]) { $script:isText = $false }
                $output.Add($_)
            }
        }
    }

    # Calls the handler and gives its answer; `exit` of a script leaves its status in $exited.
    function Invoke-Handler($Handler, [string] $Text, $Context) {
        $output = [System.Collections.Generic.List[object]]::new()
        $script:isText = $true
        $script:hasNull = $false
        $script:exited = 0
        $data = $objects = $Text
        if ($Text -and $Context['Content-Type'] -like 'application/json*') {
            $data = ConvertFrom-JsonText $Text
            $objects = ConvertFrom-JsonObject $Text $data
        }
        $global:LambdaInput = $objects
        $global:LambdaContext = $Context
        if ($Handler['TakesObjects']) { $data = $objects }
        $status = @{ Succeeded = $true }
        # `break` outside of a loop would end ours
        foreach ($once in 1) {
            if ($Logs -eq 'text') {
                & $Handler['Call'] $Handler['Command'] $data $Context $status | Receive-Output
            } else {
                & $Handler['Call'] $Handler['Command'] $data $Context $status *>&1 | Receive-Output
                Write-RestOfLine
            }
        }
        # `exit` ends a script, not the process; a native command's status alone is no error of the script
        if (-not $status['Succeeded'] -and $Kind -eq 'script') { $script:exited = $global:LASTEXITCODE }
        ConvertTo-Answer $output $Handler['Answer']
    }

    # Answers one event.
    function Invoke-Event($Handler, $Request, $Pipe) {
        $context = $null
        try {
            Reset-Session
            $context = New-Context $Request['context']
            $script:requestId = $context['AwsRequestId']
            $answer = Invoke-Handler $Handler $Request['event'] $context
            $name = 'answer'
            if ($exited) {
                $answer = "$events $exited"
                $name = 'exited'
            }
        } catch {
            $answer = ConvertTo-Failure $_ $context
            $name = 'failure'
        }
        Write-Frame $Pipe $name $answer
    }

    # The command that the handler names; nothing where its file does not define it, and that is reported.
    function Import-Handler($Pipe) {
        if ($Kind -eq 'script') {
            $command = & $InSession['Find'] $Place 'ExternalScript'
            # the property of a script that cannot be parsed is empty, its method says why
            if (-not $command.ScriptBlock) { $null = $command.get_ScriptBlock() }
            return $command
        }
        if ($Kind -eq 'module') {
            foreach ($item in & $InSession['Import'] $Place) {
                if ($item -is [System.Management.Automation.PSModuleInfo]) { $module = $item } else { Out-Host -InputObject $item }
            }
            $script:moduleState = $module.SessionState
            $commands = $module.ExportedCommands
            $command = $commands[$Function]
            if (-not $command) { $defined = $commands.get_Keys() }
        } else {
            . $InSession['DotSource'] $Place | Out-Host
            $command = & $InSession['Find'] $Function 'Function, Filter'
            if (-not $command) { $defined = & $InSession['Defined'] $Place }
        }
        if ($command -is [System.Management.Automation.AliasInfo]) { $command = $command.ResolvedCommand }
        if (-not $command) { Write-Frame $Pipe 'undefined' ($defined -join "`n") }
        $command
    }

    # How a command can be called with an event and a context, by the syntax of its default parameter set: what
    # has a position reads `[-Name] <Type>`.
    function New-Handler($Command) {
        foreach ($set in $Command.ParameterSets) {
            if ($set.IsDefault) { break }
        }
        $syntax = "$set"
        if ($syntax -notlike '*[[]<CommonParameters>]') {
            $call = 'Plain'
            if (-not $syntax -and $Command.ScriptBlock.Ast.Body.ProcessBlock) { $call = 'PipedPlain' }
        } elseif ($syntax -match '\[-\S+\] <.*\[-\S+\] <') {
            $call = 'Two'
        } elseif ($syntax -match '\[-\S+\] <') {
            $call = 'One'
        } else {
            $call = 'None'
            foreach ($parameter in $set.Parameters) {
                if ($parameter.ValueFromPipeline) { $call = 'Piped' }
            }
        }
        @{
            Command      = $Command
            Call         = $InSession[$call]
            Answer       = $Answer
            TakesObjects = $Answer -eq 'value' -or $syntax -match '^\[?\[-LambdaInput\] <'
        }
    }

    # Runs an event that never was, so that the first real one finds most of it compiled.
    function Invoke-DryRun {
        $handler = @{
            Command      = { [CmdletBinding()] param($Data, $Context) $Data }
            Call         = $InSession['Two']
            Answer       = 'pipeline'
            TakesObjects = $false
        }
        $context = "_X_AMZN_TRACE_ID`n`ncontent-type: application/json`nlambda-runtime-aws-request-id: 0`n"
        $pipe = [System.IO.MemoryStream]::new($utf8.GetBytes("context 0`n${context}event 9`n{`"a`":`"b`"}"))
        Invoke-Event $handler (Read-Request $pipe) ([System.IO.Stream]::Null)
    }

    # by their paths: to find them by name, as the first use of a cmdlet does, takes three times as long
    Import-Module -Global -Name @(
        "$PSHOME/Modules/Microsoft.PowerShell.Utility/Microsoft.PowerShell.Utility.psd1"
        "$PSHOME/Modules/Microsoft.PowerShell.Management/Microsoft.PowerShell.Management.psd1"
    )
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
        $handler = New-Handler $command
    } catch {
        Write-Frame $reportPipe 'failure' (ConvertTo-LoadFailure $_)
        return
    }
    Save-Session
    Invoke-DryRun
    Write-Frame $reportPipe 'ready' ''
    while ($request = Read-Request $requestPipe) {
        if ($request['context']) {
            $events++
            Invoke-Event $handler $request $reportPipe
        } else {
            Invoke-Step $request['step'] $reportPipe
        }
    }
} @{
    Import     = { Import-Module -Name $args[0] -PassThru -DisableNameChecking }
    DotSource  = { . $args[0] }
    Find       = { $ExecutionContext.InvokeCommand.GetCommand($args[0], $args[1]) }
    Defined    = { foreach ($item in Get-ChildItem -LiteralPath 'Function:\') { if ($item.ScriptBlock.File -eq $args[0]) { $item.Name } } }
    Plain      = { & $args[0] $args[1] $args[2]; $args[3]['Succeeded'] = $? }
    PipedPlain = { , $args[1] | & $args[0] $args[1] $args[2]; $args[3]['Succeeded'] = $? }
    Two        = { & $args[0] $args[1] $args[2] -Verbose; $args[3]['Succeeded'] = $? }
    One        = { & $args[0] $args[1] -Verbose; $args[3]['Succeeded'] = $? }
    None       = { & $args[0] -Verbose; $args[3]['Succeeded'] = $? }
    Piped      = { , $args[1] | & $args[0] -Verbose; $args[3]['Succeeded'] = $? }
} @args
