# Shows everything that a script can see of its session, a line each.
$lines = [System.Collections.Generic.List[string]]::new()
$others = 'lines', 'others', 'variable', 'name', '?', '^', '$', 'Error', 'args', 'input', 'MyInvocation', 'LambdaInput', 'LambdaContext', '_', 'PSItem'
foreach ($variable in Get-Variable | Sort-Object -Property Name) {
    if ($variable.Name -in $others) { continue }
    $type = if ($null -ne $variable.Value) { $variable.Value.GetType().FullName }
    $lines.Add("`$$($variable.Name) [$type] $($variable.Value) $($variable.Options)")
}
foreach ($name in 'Host.Name', 'Host.Version', 'Host.CurrentCulture', 'Host.CurrentUICulture', 'Host.UI.SupportsVirtualTerminal',
    'Host.UI.RawUI.BufferSize', 'Host.UI.RawUI.WindowSize', 'Host.UI.RawUI.MaxWindowSize', 'Host.UI.RawUI.ForegroundColor',
    'Host.UI.RawUI.BackgroundColor', 'Host.UI.RawUI.WindowTitle', 'Host.UI.RawUI.CursorPosition', 'Host.UI.RawUI.CursorSize',
    'Host.PrivateData', 'Host.Runspace.Name', 'Host.Runspace.Id', 'Host.IsRunspacePushed', 'Host.DebuggerEnabled',
    'ExecutionContext.SessionState.LanguageMode', 'PROFILE.AllUsersAllHosts', 'PROFILE.AllUsersCurrentHost',
    'PROFILE.CurrentUserAllHosts', 'PROFILE.CurrentUserCurrentHost', 'PSStyle.OutputRendering', 'PSVersionTable.PSVersion',
    'PSVersionTable.GitCommitId', 'PSVersionTable.OS', 'PSVersionTable.Platform') {
    $lines.Add("$name = " + (Invoke-Expression "`$$name"))
}
foreach ($name in '[cultureinfo]::CurrentCulture.Name', '[cultureinfo]::CurrentUICulture.Name', '[TimeZoneInfo]::Local.Id',
    '[Console]::OutputEncoding.WebName', '[Console]::InputEncoding.WebName', '[Console]::IsOutputRedirected',
    '[Runspace]::DefaultRunspace.Name', '[Runspace]::DefaultRunspace.ThreadOptions', '@(Get-Runspace).Count',
    '(Get-Module | Sort-Object Name).Name -join " "', '(Get-PSDrive | Sort-Object Name).Name -join " "',
    '(Get-PSProvider).Name -join " "', '(Get-Command -CommandType Alias, Function | Sort-Object Name).Name -join " "',
    '(Get-Command -Module Microsoft.PowerShell.Core | Sort-Object Name).Name -join " "', '(Get-Command Out-Default).Source',
    '[Environment]::GetEnvironmentVariable(''PSModulePath'')', '$env:PATH', '$env:DOTNET_STARTUP_HOOKS', 'Get-ExecutionPolicy',
    '[Environment]::CurrentDirectory', '$PWD.Path', '$MyInvocation.MyCommand.CommandType', '$MyInvocation.MyCommand.Name',
    '$PSCommandPath', '$PSScriptRoot', '(Get-Variable -Name OFS -ErrorAction Ignore).Name', '$PSNativeCommandArgumentPassing') {
    $lines.Add("$name = " + (Invoke-Expression $name))
}
$lines
