# Handler: example.Test-Lambda
@{
    ModuleVersion     = '1.0.0'
    RootModule        = 'example.psm1'
    FunctionsToExport = 'Test-Lambda'
}
