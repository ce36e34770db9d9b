namespace LambdaScriptRuntime;

/// <summary>The runspace for handlers, set up like that of <c>pwsh</c>.</summary>
internal sealed class Session : IDisposable
{
    private bool hasWarned;

    /// <summary>Opens a session.</summary>
    public Session(LambdaHost host, Log log, Arguments arguments)
    {
        PutHomeFirst();
        var state = InitialSessionState.CreateDefault2();
        state.Types.Add(LambdaContext.Type(log));
        foreach (var name in Hooks.Registered.Keys)
        {
            state.Commands.Add(new SessionStateCmdletEntry(name, typeof(RegisterHookCommand), null));
        }

        DurableCommand.AddAll(state.Commands);
        Runspace = RunspaceFactory.CreateRunspace(host, state);
        Runspace.ThreadOptions = PSThreadOptions.UseCurrentThread;
        var opened = new ManualResetEventSlim();
        Warming = Warmup.Begin(opened);
        Runspace.Open();
        opened.Wait();
        Runspace.DefaultRunspace = Runspace;
        host.Runspace = Runspace;
        Runspace.Debugger.DebuggerStop += (_, stop) => Continue(stop, log);
        Environment.SetEnvironmentVariable(
            "PSModulePath", arguments.ModulePath + Path.PathSeparator + Home + "/Modules");
        Variables = Runspace.SessionStateProxy.PSVariable;
        Variables.Set("ErrorActionPreference", ActionPreference.Stop);
        Variables.Set("InformationPreference", ActionPreference.Continue);
        Variables.Set("ProgressPreference", ActionPreference.SilentlyContinue);
        Variables.Set("PROFILE", Profile());
        PSStyle.Instance.OutputRendering = OutputRendering.PlainText;
    }

    /// <summary>The runspace.</summary>
    public Runspace Runspace { get; }

    /// <summary>Whether the session is still open after a handler.</summary>
    public bool IsOpen => Runspace.RunspaceStateInfo.State == RunspaceState.Opened;

    /// <summary>The thread that warms up PowerShell in another session.</summary>
    public Thread Warming { get; }

    /// <summary>The variables of the global session.</summary>
    public PSVariableIntrinsics Variables { get; }

    /// <summary>The directory of PowerShell's own files.</summary>
    public static string Home { get; } = AppContext.BaseDirectory.TrimEnd('/');

    public void Dispose() => Runspace.Dispose();

    // no debugger can be attached: without this, the worker would wait for one
    private void Continue(DebuggerStopEventArgs stop, Log log)
    {
        stop.ResumeAction = DebuggerResumeAction.Continue;
        if (!hasWarned)
        {
            log.WriteRecord("WARN", "WARNING: ", "no debugger can be attached: execution continues");
        }

        hasWarned = true;
    }

    // as in `pwsh`, so that the command `pwsh` starts the same PowerShell
    private static void PutHomeFirst()
    {
        var path = Environment.GetEnvironmentVariable("PATH") ?? string.Empty;
        var first = Home + Path.PathSeparator;
        if (!path.StartsWith(first, StringComparison.Ordinal))
        {
            Environment.SetEnvironmentVariable("PATH", first + path);
        }
    }

    private static PSObject Profile()
    {
        const string AllHosts = "profile.ps1";
        const string ThisHost = "Microsoft.PowerShell_profile.ps1";
        var settings = Environment.GetEnvironmentVariable("XDG_CONFIG_HOME");
        if (string.IsNullOrEmpty(settings))
        {
            settings = Path.Combine(Environment.GetEnvironmentVariable("HOME") ?? "/", ".config");
        }

        var user = Path.Combine(settings, "powershell");
        var profile = new PSObject(Path.Combine(user, ThisHost));
        profile.Properties.Add(new PSNoteProperty("AllUsersAllHosts", Path.Combine(Home, AllHosts)));
        profile.Properties.Add(new PSNoteProperty("AllUsersCurrentHost", Path.Combine(Home, ThisHost)));
        profile.Properties.Add(new PSNoteProperty("CurrentUserAllHosts", Path.Combine(user, AllHosts)));
        profile.Properties.Add(new PSNoteProperty("CurrentUserCurrentHost", Path.Combine(user, ThisHost)));
        return profile;
    }
}
