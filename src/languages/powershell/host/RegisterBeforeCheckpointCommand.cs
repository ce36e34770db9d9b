namespace LambdaScriptRuntime
{
    /// <summary>Registers a block to be run before a SnapStart snapshot.</summary>
    [Cmdlet(VerbsLifecycle.Register, "BeforeCheckpoint")]
    public sealed class RegisterBeforeCheckpointCommand : RegisterHookCommand
    {
        private protected override List<ScriptBlock> Registered => Hooks.BeforeCheckpoint;
    }
}
