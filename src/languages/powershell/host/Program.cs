namespace LambdaScriptRuntime;

/// <summary>
/// The entry of the host. The bootstrap starts <c>pwsh</c> with this assembly as a startup hook, and with a
/// <c>-Command</c> that calls <see cref="Enter"/> if .NET runs no startup hooks.
/// </summary>
public static class Program
{
    private const string HooksVariable = "DOTNET_STARTUP_HOOKS";

    /// <summary>Runs the host in a <c>pwsh</c> whose own host has already started.</summary>
    /// <param name="reason">The reason, for the log.</param>
    public static void Enter(string reason)
    {
        // a thread without a runspace, and with the stack size of a main thread
        var thread = new Thread(() => Run(reason), 8 * 1024 * 1024);
        thread.Start();
        thread.Join();
    }

    internal static void Run(string reason)
    {
        var arguments = new Arguments(Environment.GetCommandLineArgs());
        RestoreHooks(arguments.Host);
        using var pipes = Pipes.Open(arguments);
        try
        {
            RunWorker(arguments, pipes, reason);
        }
        catch (Exception error) when (IsUnfit(error))
        {
            // JSON by hand, because PowerShell cannot be used
            var message = "the PowerShell host `" + arguments.Host + "` does not fit this PowerShell ("
                + error.Message + "): compile it with this one, as `make powershell-host` does";
            var text = JsonText.Quote(message);
            pipes.Send("failure", "{\"errorType\":\"Runtime.InvalidConfiguration\",\"errorMessage\":" + text + "}");
        }
        catch (IOException)
        {
            // the bootstrap has ended
            Environment.Exit(1);
        }

        Environment.Exit(0);
    }

    // not inlined: otherwise its caller would be compiled with PowerShell's types
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void RunWorker(Arguments arguments, Pipes pipes, string reason)
        => new Worker(arguments, pipes).Run(reason);

    private static bool IsUnfit(Exception error)
    {
        var isAssembly = error is FileNotFoundException { FileName: { } name } && name.Contains(", Version=");
        return isAssembly || error is FileLoadException or TypeLoadException or MissingMemberException;
    }

    // child processes see the variable without the host's hook
    private static void RestoreHooks(string host)
    {
        var hooks = Environment.GetEnvironmentVariable(HooksVariable);
        if (hooks?.EndsWith(host, StringComparison.Ordinal) == true)
        {
            var own = hooks[..^host.Length].TrimEnd(Path.PathSeparator);
            Environment.SetEnvironmentVariable(HooksVariable, own.Length == 0 ? null : own);
        }
    }
}
