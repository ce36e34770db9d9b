# Represents a module of the PowerShell Gallery, in the folders that Save-Module creates.
function Format-Money([decimal] $Amount) {
    [string]::Format([cultureinfo]::InvariantCulture, '{0:0.00} EUR', $Amount)
}
