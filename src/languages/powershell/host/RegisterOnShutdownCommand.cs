namespace LambdaScriptRuntime
{
    /// <summary>Registers a block to be run before the environment ends.</summary>
    [Cmdlet(VerbsLifecycle.Register, "OnShutdown")]
    public sealed class RegisterOnShutdownCommand : RegisterHookCommand
    {
        private protected override List<ScriptBlock> Registered => Hooks.OnShutdown;
    }
}
