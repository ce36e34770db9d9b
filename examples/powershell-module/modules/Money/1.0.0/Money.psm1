# Stands for a module of the PowerShell Gallery, in the folders that Save-Module makes.
function Format-Money([decimal] $Amount) {
    [string]::Format([cultureinfo]::InvariantCulture, '{0:0.00} EUR', $Amount)
}
