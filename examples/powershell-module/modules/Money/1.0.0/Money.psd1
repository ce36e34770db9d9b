@{
    RootModule = 'Money.psm1'
    ModuleVersion = '1.0.0'
    FunctionsToExport = @('Format-Money')
}
