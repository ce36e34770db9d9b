# What runs inside PowerShell: `pwsh -File THIS KIND PLACE FUNCTION ANSWER LOGS MODULES DRYRUN FDS REQUESTS REPORTS`.
#
#   KIND      module, script or dotsource          MODULES   where modules are looked for first
#   PLACE     its file, or a module's name         DRYRUN    a file that holds a request to try
#   FUNCTION  its function, or empty               FDS       /proc/PID/fd of the bootstrap
#   ANSWER    pipeline or value                    REQUESTS  the descriptor of the request pipe there
#   LOGS      text or json                         REPORTS   the descriptor of the report pipe
#
# `src/frame.rs` describes what goes over the pipes. Everything here lives in a module of its own, which no
# handler can see. What handlers call runs in the blocks at the end, which belong to the global session.
#
# What the start costs is the first use of every operation on an object, one to two milliseconds each: PowerShell
# compiles it for the types that it meets. Commands, -is, -match, -split and -join cost nothing; the same operation
# on the same types once more costs little; a parameter with a type makes another kind of frame, which is compiled
# too. Hence $x['name'] and -is [object] throughout, parameters without types, and no operation without need.
& ([System.Management.Automation.PSModuleInfo]::new($true)) {
    param($InSession, $Kind, $Place, $Function, $Answer, $Logs, $Modules, $DryRun, $Fds, $Requests, $Reports)

    # by their paths: to find them by name, as the first use of a cmdlet does, takes three times as long
    Import-Module -Global -Name @(
        "$PSHOME/Modules/Microsoft.PowerShell.Utility/Microsoft.PowerShell.Utility.psd1"
        "$PSHOME/Modules/Microsoft.PowerShell.Management/Microsoft.PowerShell.Management.psd1"
    )

    #include powershell_session.ps1
    #include powershell_json.ps1
    #include powershell_snapstart.ps1

    # What few events need: text, which costs nothing until one of its functions is to be called.
    $parts = @{
        request = @'
#include powershell_request.ps1
'@
        restore = @'
#include powershell_restore.ps1
'@
        dates   = @'
#include powershell_dates.ps1
'@
        logs    = @'
#include powershell_logs.ps1
'@
        step    = @'
#include powershell_step.ps1
'@
        failure = @'
#include powershell_failure.ps1
'@
    }

    # Defines the functions of a part, once.
    function Import-Part($Name) {
        if ($parts[$Name] -is [string]) {
            . ([scriptblock]::Create($parts[$Name]))
            $parts.Remove($Name)
        }
    }

    $utf8 = [System.Text.UTF8Encoding]::new()
    $begin = 0
    $capacity = 65536
    $buffer = [byte[]]::new($capacity)
    $script:requestId = ''

    # The parts of the frames `context` and `event`, or the name of a frame that stands alone; nothing at the end
    # of the pipe. The bootstrap sends no request before the last one is answered.
    function Read-Request($Pipe) {
        $count = $Pipe.Read($buffer, $begin, $capacity)
        # an event that came whole, as most do, is taken by commands that cost no start
        $form = '(?s)\A(?:(?<step>\w+) 0\n\z|context \d+\n(?<variables>.*?)\n\n(?<headers>.*?)\nevent (?<size>\d+)\n(?<event>.*))'
        if ($utf8.GetString($buffer, $begin, $count) -match $form) {
            if ($Matches['step'] -is [string]) { return $Matches }
            $size = -join $utf8.GetByteCount($Matches['event'])
            if ($size -ceq $Matches['size']) { return $Matches }
        }
        Import-Part 'request'
        Read-LongRequest $Pipe $count
    }

    function Write-Frame($Pipe, $Name, $Payload) {
        $size = $utf8.GetByteCount($Payload)
        $frame = $utf8.GetBytes("$Name $size`n$Payload")
        $Pipe.Write($frame, $begin, $frame.Length)
    }

    # In JSON mode, what a handler puts out but for the records of its other streams.
    function Select-Output {
        process {
            if (-not (Write-Record $_)) { , $_ }
        }
    }

    # Calls the handler and gives its answer; `exit` of a script leaves its status in $exited.
    function Invoke-Handler($Handler, $Text, $Context) {
        $script:exited = $null
        $data = $objects = $Text
        if ($Context['Content-Type'] -match '^application/json' -and $Text -match '^\s*\S') {
            $data = ConvertFrom-JsonText $Text
            $objects = ConvertFrom-JsonObject $Text $data
        }
        $global:LambdaInput = $objects
        $global:LambdaContext = $Context
        if ($Handler['TakesObjects']) { $data = $objects }
        $status = @{ }
        if ($Logs -match '^text') {
            $output = @(& $Handler['Call'] $Handler['Command'] $data $Context $status)
        } else {
            $output = @(& $Handler['Call'] $Handler['Command'] $data $Context $status *>&1 | Select-Output)
            Write-RestOfLine
        }
        # `exit` ends a script, not the process; a native command's status alone is no error of the script
        if ($status['Failed'] -is [string] -and $Kind -match '^script' -and $global:LASTEXITCODE -ne 0) {
            $script:exited = $global:LASTEXITCODE
        }
        ConvertTo-Answer $output $Handler['Answer']
    }

    # Answers one event.
    function Invoke-Event($Handler, $Request, $Pipe) {
        $context = $null
        try {
            Reset-Session
            $context = New-Context $Request
            $script:requestId = $context['AwsRequestId']
            $answer = Invoke-Handler $Handler $Request['event'] $context
            $name = 'answer'
            if ($exited -is [int]) {
                $answer = "$PID $exited"
                $name = 'exited'
            }
        } catch {
            $record = $_
            Import-Part 'failure'
            $answer = ConvertTo-Failure $record $context
            $name = 'failure'
        }
        Write-Frame $Pipe $name $answer
    }

    # The command that the handler names; nothing where its file does not define it, and that is reported.
    function Import-Handler($Pipe) {
        if ($Kind -match '^script') {
            $command = & $InSession['Find'] $Place 'ExternalScript'
            # the property of a script that cannot be parsed is empty, its method says why
            if (-not $command.ScriptBlock) { $null = $command.get_ScriptBlock() }
            return $command
        }
        if ($Kind -match '^module') {
            $module = & $InSession['Import'] $Place
            if ($module -isnot [System.Management.Automation.PSModuleInfo]) {
                # the module's file has put something out as well
                $others = foreach ($item in $module) { if ($item -isnot [System.Management.Automation.PSModuleInfo]) { , $item } }
                foreach ($item in $module) { if ($item -is [System.Management.Automation.PSModuleInfo]) { $module = $item } }
                $others | Out-Host
            }
            $script:module = $module
            $commands = $module.ExportedCommands
            $command = $commands[$Function]
            if ($command -isnot [object]) { $defined = $commands.get_Keys() }
        } else {
            . $InSession['DotSource'] $Place | Out-Host
            $command = & $InSession['Find'] $Function 'Function, Filter'
            if ($command -isnot [object]) { $defined = & $InSession['Defined'] $Place }
        }
        if ($command -is [System.Management.Automation.AliasInfo]) { $command = $command.ResolvedCommand }
        if ($command -isnot [object]) { Write-Frame $Pipe 'undefined' ($defined -join "`n") }
        $command
    }

    # How a command can be called with an event and a context, by the syntax of its default parameter set: what
    # has a position reads `[-Name] <Type>`.
    function New-Handler($Command) {
        foreach ($set in $Command.ParameterSets) {
            if ($set.IsDefault) { break }
        }
        $syntax = "$set"
        $try = { [CmdletBinding()] param([Parameter(ValueFromPipeline)] $Data, $Context) $Data }
        if ($syntax -notmatch '^.*\[<CommonParameters>]$') {
            $call = 'Plain'
            $try = { param($Data, $Context) $Data }
            if (-not $syntax -and $Command.ScriptBlock.Ast.Body.ProcessBlock) { $call = 'PipedPlain' }
        } elseif ($syntax -match '^.*\[-\S+\] <.*\[-\S+\] <') {
            $call = 'Two'
        } elseif ($syntax -match '^.*\[-\S+\] <') {
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
            Try          = $try
            Answer       = $Answer
            TakesObjects = $Answer -match '^value' -or $syntax -match '^\[?\[-LambdaInput\] <'
        }
    }

    # Runs an event that never was, so that the first real one finds most of it compiled.
    function Invoke-DryRun($Handler, $Pipe, $Sink) {
        $try = @{
            Command      = $Handler['Try']
            Call         = $Handler['Call']
            Answer       = 'pipeline'
            TakesObjects = $false
        }
        Invoke-Event $try (Read-Request $Pipe) $Sink
    }

    if ($Logs -match '^json') { Import-Part 'logs' }
    $env:PSModulePath = "${Modules}:$PSHOME/Modules"
    $global:ErrorActionPreference = 'Stop'
    $global:InformationPreference = 'Continue'
    $global:ProgressPreference = 'SilentlyContinue'
    $PSStyle.OutputRendering = 'PlainText'
    # the names of these modes would have to be looked up
    $open, $read, $write, $shared, $unbuffered = 3, 1, 2, 3, 1
    $requestPipe = [System.IO.FileStream]::new("$Fds/$Requests", $open, $read, $shared, $unbuffered)
    $reportPipe = [System.IO.FileStream]::new("$Fds/$Reports", $open, $write, $shared, $unbuffered)
    $dryPipe = [System.IO.FileStream]::new("$DryRun", $open, $read, $shared, $unbuffered)
    $sink = [System.IO.FileStream]::new("/dev/null", $open, $write, $shared, $unbuffered)
    try {
        $command = Import-Handler $reportPipe
        if ($command -isnot [object]) { return }
        $handler = New-Handler $command
    } catch {
        $record = $_
        Import-Part 'failure'
        Write-Frame $reportPipe 'failure' (ConvertTo-LoadFailure $record)
        return
    }
    Save-Session
    Invoke-DryRun $handler $dryPipe $sink
    Write-Frame $reportPipe 'ready' ''
    while ($true) {
        $request = Read-Request $requestPipe
        if ($request -isnot [hashtable]) { return }
        if ($request['step'] -is [string]) {
            Import-Part 'step'
            Invoke-Step $request['step'] $reportPipe
        } else {
            Invoke-Event $handler $request $reportPipe
        }
    }
} @{
    Import     = { Import-Module -Name $args[0] -PassThru -DisableNameChecking }
    DotSource  = { . $args[0] }
    Find       = { $ExecutionContext.InvokeCommand.GetCommand($args[0], $args[1]) }
    Defined    = { foreach ($item in Get-ChildItem -LiteralPath 'Function:\') { if ($item.ScriptBlock.File -eq $args[0]) { $item.Name } } }
    # loops, as `break` outside of one would end ours
    Plain      = { do { & $args[0] $args[1] $args[2]; if ($?) { } else { $args[3]['Failed'] = 'yes' } } while ($false) }
    PipedPlain = { do { , $args[1] | & $args[0] $args[1] $args[2]; if ($?) { } else { $args[3]['Failed'] = 'yes' } } while ($false) }
    Two        = { do { & $args[0] $args[1] $args[2] -Verbose; if ($?) { } else { $args[3]['Failed'] = 'yes' } } while ($false) }
    One        = { do { & $args[0] $args[1] -Verbose; if ($?) { } else { $args[3]['Failed'] = 'yes' } } while ($false) }
    None       = { do { & $args[0] -Verbose; if ($?) { } else { $args[3]['Failed'] = 'yes' } } while ($false) }
    Piped      = { do { , $args[1] | & $args[0] -Verbose; if ($?) { } else { $args[3]['Failed'] = 'yes' } } while ($false) }
} @args
