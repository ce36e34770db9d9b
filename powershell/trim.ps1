# Takes out of a PowerShell what no handler can use: trim.ps1 DIRECTORY
#
#   messages of the compiler in 13 other languages, documentation, symbols, and the libraries of debuggers and tracers
#
# `pwsh.deps.json` names every file that .NET has to find, and is brought into agreement. `ref/` stays: `Add-Type` and
# the host of the runtime are compiled with it.
param([Parameter(Mandatory)] [string] $Directory)

$ErrorActionPreference = 'Stop'
$Directory = (Resolve-Path -LiteralPath $Directory).Path
$debuggers = 'createdump', 'libmscordaccore.so', 'libmscordbi.so', 'libcoreclrtraceptprovider.so', 'libclrgc.so', 'libclrgcexp.so'

function Remove-Unused($File) {
    $size = (Get-ChildItem -LiteralPath $File -Recurse -File | Measure-Object -Property Length -Sum).Sum
    Remove-Item -LiteralPath $File -Recurse
    "{0,8:n0} KB  {1}" -f ($size / 1KB), [System.IO.Path]::GetRelativePath($Directory, $File)
}

$manifest = Join-Path $Directory pwsh.deps.json
$dependencies = Get-Content -LiteralPath $manifest -Raw | ConvertFrom-Json -AsHashtable
foreach ($target in $dependencies.targets.Values) {
    foreach ($library in $target.Values) {
        $library.Remove('resources')
        if (-not $library.native) { continue }
        foreach ($name in @($library.native.Keys)) {
            if ((Split-Path -Leaf $name) -in $debuggers) { $library.native.Remove($name) }
        }
    }
}
ConvertTo-Json -InputObject $dependencies -Depth 100 -Compress | Set-Content -LiteralPath $manifest

foreach ($folder in Get-ChildItem -LiteralPath $Directory -Directory) {
    if (Get-ChildItem -LiteralPath $folder -Filter *.resources.dll) { Remove-Unused $folder.FullName }
}
foreach ($file in Get-ChildItem -LiteralPath $Directory -File) {
    $isDocumentation = $file.Extension -eq '.xml' -and (Test-Path -LiteralPath ([System.IO.Path]::ChangeExtension($file.FullName, 'dll')))
    if ($isDocumentation -or $file.Extension -eq '.pdb' -or $file.Name -in $debuggers) { Remove-Unused $file.FullName }
}
foreach ($file in Get-ChildItem -LiteralPath (Join-Path $Directory ref) -Filter *.xml -ErrorAction Ignore) { Remove-Unused $file.FullName }
