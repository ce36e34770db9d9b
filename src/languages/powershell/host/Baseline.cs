namespace LambdaScriptRuntime;

/// <summary>
/// The state of the session after the handler's file was loaded. Each event resets the preferences, the location,
/// <c>$Error</c> and <c>$LASTEXITCODE</c>, except variables that a user has removed, typed or made constant.
/// </summary>
internal sealed class Baseline
{
    private readonly Session session;

    // read once: while an action of an event runs, the runspace refuses access
    private readonly PathIntrinsics paths;
    private readonly CommandInvocationIntrinsics commands;
    private readonly Log log;
    private readonly string root;
    private Preferences globals;
    private Preferences ofModule;
    private bool hasWarned;

    /// <summary>Before the file is loaded.</summary>
    public Baseline(Session session, Log log)
    {
        this.session = session;
        paths = session.Runspace.SessionStateProxy.Path;
        commands = session.Runspace.SessionStateProxy.InvokeCommand;
        this.log = log;
        root = Environment.CurrentDirectory;
    }

    /// <summary>Saves the current preferences, which <see cref="Restore"/> sets again.</summary>
    /// <param name="module">The handler's module, which has its own preferences; null if there is none.</param>
    public void SavePreferences(PSModuleInfo module)
    {
        globals = new Preferences(session.Variables, "global:");
        var variables = module?.SessionState?.PSVariable;
        ofModule = variables == null ? null : new Preferences(variables, "script:");
    }

    /// <summary>Resets the session.</summary>
    public void Restore()
    {
        Runspace.DefaultRunspace = session.Runspace;
        Try(globals.Restore);
        Try(() => ofModule?.Restore());
        Try(ReturnToRoot);
        Try(() => (session.Variables.GetValue("global:Error") as ArrayList)?.Clear());
        Try(() => session.Variables.Set("global:LASTEXITCODE", 0));
    }

    /// <summary>Runs a step. It may fail if the user's file has typed, locked or removed the variable.</summary>
    public static void Try(Action step)
    {
        try
        {
            step();
        }
        catch (Exception error) when (error is not OutOfMemoryException)
        {
            // it is the user's own
        }
    }

    private void ReturnToRoot()
    {
        SetDirectory();
        if (paths.CurrentLocation.Path == root)
        {
            return;
        }

        var action = commands.LocationChangedAction;
        commands.LocationChangedAction = null;
        try
        {
            paths.SetLocation("FileSystem::" + WildcardPattern.Escape(root));
            paths.SetLocation(WildcardPattern.Escape(root));
        }
        finally
        {
            commands.LocationChangedAction = action;
        }
    }

    private void SetDirectory()
    {
        try
        {
            Environment.CurrentDirectory = root;
            hasWarned = false;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            if (!hasWarned)
            {
                log.WriteRecord("WARN", "WARNING: ", "the task root cannot be the working directory: " + error.Message);
            }

            hasWarned = true;
        }
    }
}
