/// <summary>What .NET calls before the <c>Main</c> of <c>pwsh</c>; it goes by this name, in no namespace.</summary>
internal static class StartupHook
{
    /// <summary>Runs the host and ends the process: the console host of <c>pwsh</c> never starts.</summary>
    public static void Initialize()
    {
        LambdaScriptRuntime.Program.RunHook();
    }
}
