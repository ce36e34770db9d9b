# Lines that a module, a script or a handler may begin with. None of them reaches a step of the runtime. Where a line
# ends in `#~`, PowerShell itself ends a failing handler otherwise.

# preferences
$global:ErrorActionPreference = 'SilentlyContinue' #~
$global:ErrorActionPreference = 'Ignore' #~
$global:ErrorActionPreference = 'Inquire' #~
$global:ErrorActionPreference = 'Break' #~
$global:VerbosePreference = 'Break'
$global:VerbosePreference = 'Stop'
$global:VerbosePreference = 'Inquire'
$global:DebugPreference = 'Break'
$global:DebugPreference = 'Continue'
$global:WarningPreference = 'Stop'
$global:WarningPreference = 'Break'
$global:InformationPreference = 'Stop'
$global:InformationPreference = 'Ignore'
$global:ProgressPreference = 'Continue'
$global:ConfirmPreference = 'Low'
$global:WhatIfPreference = $true
$global:PSModuleAutoLoadingPreference = 'None'
$global:PSNativeCommandUseErrorActionPreference = $true #~
$global:PSNativeCommandArgumentPassing = 'Legacy'
$global:OutputEncoding = [Text.Encoding]::Unicode
$global:OutputEncoding = $null
$global:OFS = '-'
$global:FormatEnumerationLimit = 0
$global:MaximumHistoryCount = 1
Remove-Variable -Scope Global ErrorActionPreference #~
Set-Variable -Scope Global ErrorActionPreference Stop -Option ReadOnly -Force
Set-Variable -Scope Global ErrorActionPreference SilentlyContinue -Option Private -Force #~
Remove-Variable -Scope Global ErrorActionPreference; New-Variable -Scope Global ErrorActionPreference Continue -Option Constant #~
Remove-Variable -Scope Global VerbosePreference; $global:VerbosePreference = 'nonsense'
$ErrorActionPreference = 'Break'; Wait-Debugger #~
Wait-Debugger

# how errors are shown
$global:ErrorView = 'DetailedView'
$global:ErrorView = 'CategoryView'
$global:ErrorView = 'NormalView'
Remove-Variable -Scope Global ErrorView
Remove-Variable -Scope Global ErrorView; $global:ErrorView = 'none'
Remove-Variable -Scope Global ErrorView; $global:ErrorView = @{ }
Set-Variable -Scope Global ErrorView DetailedView -Option Private
$PSStyle.OutputRendering = 'Ansi'
$PSStyle.OutputRendering = 'Host'
$PSStyle.Formatting.Error = "`e[35m"
$Host.PrivateData.ErrorForegroundColor = 'Blue'
$global:Host.UI.RawUI.WindowTitle = 'mine'
Set-Variable -Scope Global PSStyle $null -Force -ErrorAction Ignore
Remove-Variable -Scope Global PSStyle -Force -ErrorAction Ignore

# default values of parameters
$global:PSDefaultParameterValues = @{ '*:ErrorAction' = 'SilentlyContinue' } #~
$global:PSDefaultParameterValues = @{ '*:ErrorAction' = 'nonsense' } #~
$global:PSDefaultParameterValues = @{ '*:Item' = 1 }
$global:PSDefaultParameterValues = @{ '*:Output' = 1; '*:Log' = 1; '*:Call' = 1; '*:LambdaCall' = 1 }
$global:PSDefaultParameterValues = @{ '*:OutVariable' = 'mine' }
$global:PSDefaultParameterValues = @{ '*:ErrorVariable' = 'mine'; '*:WarningVariable' = 'mine' }
$global:PSDefaultParameterValues = @{ '*:InformationVariable' = '+mine' }
$global:PSDefaultParameterValues = @{ '*:PipelineVariable' = 'mine' }
$global:PSDefaultParameterValues = @{ '*:OutBuffer' = 5 }
$global:PSDefaultParameterValues = @{ '*:OutBuffer' = -5 }
$global:PSDefaultParameterValues = @{ '*:Verbose' = $true; '*:Debug' = $true }
$global:PSDefaultParameterValues = @{ '*:InputObject' = 'x'; '*:Stream' = $true; '*:Width' = 2 }
$global:PSDefaultParameterValues = @{ 'Out-*:InputObject' = 'x'; 'Out-Default:Item' = 1; 'Out-String:Width' = 2 }
$global:PSDefaultParameterValues = @{ '*-Lambda*:*' = 1 }
$global:PSDefaultParameterValues.Remove('x'); $global:PSDefaultParameterValues['*:*'] = 1
$global:PSDefaultParameterValues = @{ Disabled = $true; '*:Item' = 1 }
$global:PSDefaultParameterValues = @{ '*:Name' = { throw 'default' }; '*:Path' = '/nowhere' }
Remove-Variable -Scope Global PSDefaultParameterValues; $global:PSDefaultParameterValues = 5
$global:PSDefaultParameterValues = $null
$PSDefaultParameterValues = @{ '*:Item' = 1; '*:OutVariable' = 'mine' }
Remove-Variable -Scope Global PSDefaultParameterValues
Set-Variable -Scope Global PSDefaultParameterValues @{ '*:Item' = 1 } -Option ReadOnly -Force

# commands that stand where others are expected
foreach ($n in 'Out-Default', 'Out-String', 'Out-Host', 'Out-Null', 'Write-Output') { Set-Item "function:global:$n" { throw 'shadowed' } }
foreach ($n in 'Import-Module', 'Get-Module', 'Get-Command', 'Invoke-Command') { Set-Item "function:global:$n" { throw 'shadowed' } }
foreach ($n in 'ConvertTo-Json', 'ConvertFrom-Json', 'Set-Location', 'Get-Random') { Set-Item "function:global:$n" { throw 'shadowed' } }
foreach ($n in 'Get-Error', 'Sort-Object', 'Add-Member') { Set-Item "function:global:$n" { throw 'shadowed' } }
foreach ($n in 'Invoke-LambdaBlock', 'Add-LambdaOutput', 'Stop-LambdaScript') { Set-Item "function:global:$n" { throw 'shadowed' } }
function global:Out-Default { [CmdletBinding()] param([Parameter(ValueFromPipeline)] $InputObject) process { [Console]::WriteLine('proxy') } }
function global:Get-Command { exit 7 }
function global:prompt { throw 'prompt' }
function global:PSConsoleHostReadLine { throw 'line' }
function global:TabExpansion2 { throw 'tab' }
filter global:Where-Object { throw 'where' }
Set-Alias -Scope Global Out-Default Get-Date; Set-Alias -Scope Global Out-String Get-Date
Set-Alias -Scope Global Set-Location Get-Date; Set-Alias -Scope Global Import-Module Get-Date
Set-Alias -Scope Global where Get-Date -Force -Option AllScope; Set-Alias -Scope Global cat Get-Date
Set-Alias -Scope Global Get-Command Nothing-There
$ExecutionContext.InvokeCommand.CommandNotFoundAction = { throw 'not found' }
$ExecutionContext.InvokeCommand.PreCommandLookupAction = { throw 'before' }
$ExecutionContext.InvokeCommand.PostCommandLookupAction = { throw 'after' }
$ExecutionContext.InvokeCommand.PreCommandLookupAction = { param($name, $e) $e.CommandScriptBlock = { }; $e.StopSearch = $true }
$ExecutionContext.InvokeCommand.LocationChangedAction = $null; Set-Location /tmp; $ExecutionContext.InvokeCommand.LocationChangedAction = { throw 'moved' }
$ExecutionContext.InvokeCommand.LocationChangedAction = { throw 'moved' }

# removed variables, functions, drives and modules
Remove-Item Variable:* -ErrorAction Ignore
Remove-Item Variable:* -Force -ErrorAction Ignore
Get-Variable -Scope Global | Remove-Variable -Scope Global -Force -ErrorAction Ignore
Remove-Variable -Scope Global Error -Force -ErrorAction Ignore
Remove-Variable -Scope Global Host, ExecutionContext, PID, PSHOME -Force -ErrorAction Ignore
Remove-Variable -Scope Global LASTEXITCODE, StackTrace, LambdaInput, LambdaContext -Force -ErrorAction Ignore
Remove-Item Alias:* -Force
Remove-Item Function:* -Force
Remove-Item Env:* -ErrorAction Ignore
Remove-Item Env:PATH, Env:HOME, Env:PSModulePath -ErrorAction Ignore
Remove-PSDrive Function -ErrorAction Ignore
Remove-PSDrive Variable -ErrorAction Ignore
Remove-PSDrive Alias -ErrorAction Ignore
Remove-PSDrive Env -ErrorAction Ignore
Remove-PSDrive Function, Variable, Alias, Env -ErrorAction Ignore
Remove-PSDrive / -Force -ErrorAction Ignore
Get-PSDrive | Remove-PSDrive -Force -ErrorAction Ignore
Get-Module | Remove-Module -Force -ErrorAction Ignore
Remove-Module Microsoft.PowerShell.Utility, Microsoft.PowerShell.Management -Force -ErrorAction Ignore
$Error.Clear(); $null = $Error.Add('not an error')
$global:Error.AddRange(@(1, 2, $null))

# global names that the runtime and PowerShell set
$global:LambdaInput = 1; $global:LambdaContext = 2; $global:StackTrace = 3
[int] $global:LambdaContext = 5
[int] $global:LambdaInput = 5
[ValidateSet(5)] [int] $global:LambdaInput = 5
[ValidateSet(5)] [int] $global:LASTEXITCODE = 5
[ValidateRange(5, 6)] [int] $global:StackTrace = 5 #~
[string] $global:LASTEXITCODE = 'text'
$global:LASTEXITCODE = 'text'
$global:LASTEXITCODE = 9
Set-Variable -Scope Global StackTrace 5 -Option ReadOnly -Force #~
Set-Variable -Scope Global LASTEXITCODE 5 -Option ReadOnly -Force
Set-Variable -Scope Global LambdaInput 5 -Option ReadOnly -Force
Set-Variable -Scope Global LambdaContext 5 -Option Private -Force
New-Variable -Scope Global LambdaContext 5 -Option Constant -Force -ErrorAction Ignore
New-Variable -Scope Global MINE 5 -Option Constant -ErrorAction Ignore
New-Variable -Scope Global OFS ' ' -Option AllScope -ErrorAction Ignore
$global:args = 1; $global:input = 2; $global:_ = 3; $global:PSItem = 4
$global:Data = $global:Context = $global:output = $global:cmdlet = $global:items = 4
$global:this = 1; $global:foreach = 2; $global:Matches = 3; $global:switch = 4; $global:sender = 5
New-Variable -Scope Global __args 1 -Option ReadOnly -Force
class Hostile : System.Management.Automation.PSVariable { Hostile() : base('OFS') { } }; $ExecutionContext.SessionState.PSVariable.Set([Hostile]::new())

# where it runs
Set-Location /
Set-Location Variable:
Set-Location Env:
[Environment]::CurrentDirectory = '/'
$d0 = "/tmp/gone-$PID"; $null = [IO.Directory]::CreateDirectory($d0); Set-Location $d0; [Environment]::CurrentDirectory = $d0; [IO.Directory]::Delete($d0)
$d0 = "/tmp/gone-$PID"; $null = [IO.Directory]::CreateDirectory($d0); [Environment]::CurrentDirectory = $d0; [IO.Directory]::Delete($d0)
$null = New-PSDrive -Scope Global -Name mine -PSProvider FileSystem -Root /tmp -ErrorAction Ignore; Set-Location mine:
Push-Location /tmp; Push-Location /
[Threading.Thread]::CurrentThread.CurrentCulture = 'tr-TR'
[cultureinfo]::CurrentUICulture = 'de-DE'; [cultureinfo]::CurrentCulture = 'de-DE'
[cultureinfo]::DefaultThreadCurrentCulture = 'ar-SA'
$env:TZ = 'Asia/Tokyo'; $env:LANG = 'de_DE.UTF-8'; $env:LC_ALL = 'tr_TR.UTF-8'
$env:NO_COLOR = '1'; $env:TERM = 'dumb'; $env:__SuppressAnsiEscapeSequences = '1'
$env:AWS_LAMBDA_RUNTIME_API = 'nowhere'; $env:_HANDLER = 'other'; $env:LAMBDA_TASK_ROOT = '/'
$env:PSModulePath = ''
[Environment]::SetEnvironmentVariable('PATH', $null)
[Environment]::ExitCode = 9

# how it is watched
Set-StrictMode -Version Latest
Set-StrictMode -Version 1
& { Set-StrictMode -Version 3 }
Set-PSDebug -Trace 1
Set-PSDebug -Trace 2
Set-PSDebug -Strict
Set-PSDebug -Trace 2 -Strict
$null = Set-PSBreakpoint -Variable LambdaInput -Mode ReadWrite
$null = Set-PSBreakpoint -Variable d -Mode Read -Action { $null = 1 }
$null = Set-PSBreakpoint -Command f
$null = Set-PSBreakpoint -Command Out-Default, Out-String, Set-Location
$null = Start-Transcript "$PWD/transcript"
$null = Start-Transcript "$PWD/transcript" -UseMinimalHeader; function global:Out-Default { throw 'shadowed' }
Get-EventSubscriber | Unregister-Event
$null = Register-EngineEvent PowerShell.OnIdle -Action { throw 'idle' }
$null = Register-EngineEvent PowerShell.Exiting -Action { throw 'exiting' }
$t0 = [Timers.Timer]::new(20); $null = Register-ObjectEvent $t0 Elapsed -Action { throw 'elapsed' }; $t0.Start()
$null = [Runspace]::DefaultRunspace.Debugger.add_DebuggerStop({ throw 'stop' })
trap { continue } #~
trap { break } #~
Trace-Command -Name ParameterBinding -Expression { $null = 1 } -FilePath "$PWD/trace"

# the console and .NET
[Console]::SetOut([IO.TextWriter]::Null)
[Console]::SetError([IO.TextWriter]::Null)
[Console]::SetIn([IO.StringReader]::new('x'))
[Console]::Out.Close(); [Console]::Error.Close()
[Console]::OutputEncoding = [Text.Encoding]::Unicode
[Console]::InputEncoding = [Text.Encoding]::ASCII
[Threading.SynchronizationContext]::SetSynchronizationContext([Threading.SynchronizationContext]::new())
[Runspace]::DefaultRunspace = $null
[Runspace]::DefaultRunspace = [runspacefactory]::CreateRunspace()
[AppContext]::SetSwitch('System.Globalization.Invariant', $true)
[GC]::Collect()
[psobject].Assembly.GetType('System.Management.Automation.TypeAccelerators')::Add('string', [int])
$ExecutionContext.SessionState.Applications.Clear(); $ExecutionContext.SessionState.Scripts.Clear()
$ExecutionContext.SessionState.InvokeCommand.GetCommand('Out-String', 'All').Visibility = 'Private'

# types and views
Update-TypeData -TypeName System.String -MemberType ScriptMethod -MemberName ToString -Value { 'typed' } -Force
Update-TypeData -TypeName System.Object -MemberType ScriptMethod -MemberName Add -Value { throw 'added' } -Force
Update-TypeData -TypeName System.String -MemberType ScriptProperty -MemberName Mine -Value { throw 'property' } -Force
Update-TypeData -TypeName System.Collections.Hashtable -MemberType NoteProperty -MemberName Count -Value 99 -Force
Update-TypeData -TypeName System.Array -MemberType NoteProperty -MemberName Mine -Value 1 -Force
Update-TypeData -TypeName System.Management.Automation.ErrorRecord -MemberType ScriptMethod -MemberName ToString -Value { throw 'error' } -Force
Update-TypeData -TypeName LambdaContext -MemberType NoteProperty -MemberName RemainingTime -Value 1 -Force
Remove-TypeData -TypeName LambdaContext -ErrorAction Ignore
Get-TypeData | Remove-TypeData
Update-FormatData -ErrorAction Ignore
