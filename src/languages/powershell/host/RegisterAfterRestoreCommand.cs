namespace LambdaScriptRuntime
{
    /// <summary>Registers a block to be run in each copy of a SnapStart snapshot.</summary>
    [Cmdlet(VerbsLifecycle.Register, "AfterRestore")]
    public sealed class RegisterAfterRestoreCommand : RegisterHookCommand
    {
        private protected override List<ScriptBlock> Registered => Hooks.AfterRestore;
    }
}
