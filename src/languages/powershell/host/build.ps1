# Compiles the PowerShell host with the PowerShell that runs this script: build.ps1 [-Output FILE] [-Source FILE]
#
#   Output   the assembly to write; without it, the host is compiled into this process
#   Source   all sources in one file; without it, the *.cs beside this script
#
# The assembly contains a mark, a hash of its sources, by which the bootstrap checks its version:
# `src/languages/powershell/host.rs` computes the same mark.
param([string] $Output, [string] $Source)

$ErrorActionPreference = 'Stop'
if ($PSVersionTable.PSVersion -lt [version] '7.4') {
    [Console]::Error.WriteLine("PowerShell $($PSVersionTable.PSVersion) is too old: the runtime takes 7.4 and later")
    exit 74
}
if ($Source) {
    $code = [System.IO.File]::ReadAllText($Source)
} else {
    $names = [string[]] (Get-ChildItem -LiteralPath $PSScriptRoot -Filter *.cs).Name
    [Array]::Sort($names, [StringComparer]::Ordinal)
    $code = -join ($names | ForEach-Object { [System.IO.File]::ReadAllText("$PSScriptRoot/$_") })
}
# FNV-1a with 64 bits, in two halves: the prime is 2^40 + 435
[long] $high, [long] $low = 3421674724, 2216829733
$bytes = [System.Text.Encoding]::UTF8.GetBytes($code)
foreach ($byte in $bytes) {
    $low = $low -bxor $byte
    $product = $low * 435
    $high = ($high * 435 + ($product -shr 32) + ($low -shl 8)) -band 4294967295
    $low = $product -band 4294967295
}
$mark = 'lambda-script-runtime-host {0:x8}{1:x8}' -f $high, $low
$code = $code.Replace('"MARK"', "`"$mark`"")
# in one text, several namespaces need braces
$usings, $files = $code -csplit 'namespace (?=LambdaScriptRuntime;)'
$code = $usings + -join ($files | ForEach-Object { "namespace $_}`n" }).Replace('LambdaScriptRuntime;', 'LambdaScriptRuntime {')

$references = @((Get-ChildItem -Path "$PSHOME/ref/*.dll").FullName) +
'System.Management.Automation', 'Microsoft.PowerShell.Commands.Utility', 'Newtonsoft.Json' -replace '^[^/]+$', "$PSHOME/`$0.dll"
$options = @{
    TypeDefinition       = $code
    ReferencedAssemblies = $references
    CompilerOptions      = '/langversion:12', '/optimize+', '/nowarn:1701,1702'
}
if ($Output) {
    $null = New-Item -ItemType Directory -Force -Path (Split-Path ([System.IO.Path]::GetFullPath($Output)))
    Remove-Item -LiteralPath $Output -ErrorAction Ignore
    $options += @{ OutputAssembly = $Output; OutputType = 'Library' }
}
Add-Type @options
