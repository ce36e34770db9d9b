namespace LambdaScriptRuntime;

/// <summary>
/// Calls a handler in an empty session, on a second processor, while the real session is being opened: code that
/// PowerShell compiles at the first call is ready when it is needed. Nothing depends on it.
/// </summary>
internal static class Warmup
{
    /// <summary>Begins, and returns at once.</summary>
    /// <param name="opened">Set once that session is open: opening one sets <c>PSModulePath</c>.</param>
    /// <returns>The thread. Join it before the user's file is loaded, which must see only one session.</returns>
    public static Thread Begin(ManualResetEventSlim opened)
    {
        var thread = new Thread(() => Run(opened)) { IsBackground = true };
        thread.Start();
        return thread;
    }

    private static void Run(ManualResetEventSlim opened)
    {
        try
        {
            var state = InitialSessionState.Create();
            state.LanguageMode = PSLanguageMode.FullLanguage;
            state.Providers.Add(new SessionStateProviderEntry("Function", typeof(FunctionProvider), null));
            state.Commands.Add(new SessionStateFunctionEntry("f", "param($Data, $Context) $Data"));
            var log = new Log(false);
            var host = new LambdaHost(log);
            using var runspace = RunspaceFactory.CreateRunspace(host, state);
            runspace.ThreadOptions = PSThreadOptions.UseCurrentThread;
            runspace.Open();
            opened.Set();
            Runspace.DefaultRunspace = runspace;
            var function = runspace.SessionStateProxy.InvokeCommand.GetCommand("f", CommandTypes.Function);
            var invocation = new Invocation(runspace, host, new ErrorLog(log, new Formatter()));
            var handler = new Handler(function, false, invocation);
            handler.Run(string.Empty, LambdaContext.Wrap(new Hashtable()), new List<object>());
        }
        catch (Exception)
        {
            // the real session meets the same error, and reports it
        }
        finally
        {
            opened.Set();
        }
    }
}
