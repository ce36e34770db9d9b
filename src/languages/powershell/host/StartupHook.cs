/// <summary>.NET finds it by this name, outside of namespaces, and calls it before the <c>Main</c> of <c>pwsh</c>.</summary>
internal static class StartupHook
{
    /// <summary>Runs the host and ends the process: the console host of <c>pwsh</c> never starts.</summary>
    public static void Initialize()
    {
        LambdaScriptRuntime.Program.RunHook();
    }
}
