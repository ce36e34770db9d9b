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

    # Takes a request and answers it; gives whether there was one. The bootstrap sends none before the last one is
    # answered. The steps are no functions of their own, as each call would cost ten microseconds.
    function Invoke-Request($Handler, $Requests, $Reports) {
        #include powershell_read.ps1
        if ($request -isnot [hashtable]) { return $false }
        if ($request['step'] -is [string]) {
            Import-Part 'step'
            Invoke-Step $request['step'] $Reports
            return $true
        }
        $context = $null
        try {
            #include powershell_context.ps1
            #include powershell_input.ps1
            $status = @{ }
            if ($Logs -match '^text') {
                $output = @(& $Handler['Call'] $Handler['Command'] $data $context $status)
            } else {
                $output = @(& $Handler['Call'] $Handler['Command'] $data $context $status *>&1 | Select-Output)
                Write-RestOfLine
            }
            # `exit` ends a script, not the process; a native command's status alone is no error of the script
            if ($status['Failed'] -is [string] -and $Kind -match '^script' -and $global:LASTEXITCODE -ne 0) {
                $answer = "$PID $global:LASTEXITCODE"
                $name = 'exited'
            } else {
                $name = 'answer'
                #include powershell_answer.ps1
            }
        } catch {
            $record = $_
            Import-Part 'failure'
            $answer = ConvertTo-Failure $record $context
            $name = 'failure'
        }
        $size = $utf8.GetByteCount($answer)
        $frame = $utf8.GetBytes("$name $size`n$answer")
        $Reports.Write($frame, $begin, $frame.Length)
        # bootstrap posts it before the session is reset, also where the two share a processor
        $null = [System.Threading.Thread]::Yield()
        $true
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
        $null = Invoke-Request $try $Pipe $Sink
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
    Reset-Session
    Invoke-DryRun $handler $dryPipe $sink
    Reset-Session
    Write-Frame $reportPipe 'ready' ''
    while (Invoke-Request $handler $requestPipe $reportPipe) {
        # a session that does not let itself be reset ends here, and its worker with it: the next event gets a new one
        Reset-Session
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
