namespace LambdaScriptRuntime;

/// <summary>
/// Blocks that a handler's file has registered for a SnapStart snapshot or the shutdown (the last one runs first)
/// and for each copy of a snapshot (the first one runs first).
/// </summary>
internal static class Hooks
{
    /// <summary>The blocks, by the name of the command that registers them.</summary>
    public static Dictionary<string, List<ScriptBlock>> Registered { get; } = new(StringComparer.OrdinalIgnoreCase)
    {
        ["Register-BeforeCheckpoint"] = new(),
        ["Register-AfterRestore"] = new(),
        ["Register-OnShutdown"] = new(),
    };

    /// <summary>Whether there are blocks for the shutdown.</summary>
    public static bool HasShutdown => Registered["Register-OnShutdown"].Count > 0;

    /// <summary>Runs the hooks of <c>checkpoint</c>, <c>restore</c> or <c>shutdown</c>.</summary>
    public static void Run(string phase, Invocation invocation, ErrorLog log)
    {
        var hooks = phase switch
        {
            "checkpoint" => Registered["Register-BeforeCheckpoint"],
            "restore" => Registered["Register-AfterRestore"],
            _ => Registered["Register-OnShutdown"],
        };
        hooks = new List<ScriptBlock>(hooks);
        if (phase == "restore")
        {
            Reseed(invocation);
        }
        else
        {
            hooks.Reverse();
        }

        foreach (var hook in hooks)
        {
            var output = new List<object>();
            invocation.Run(invocation.Block(Script.Command(hook)), output);
            log.WriteAll(output);
        }
    }

    private static void Reseed(Invocation invocation)
    {
        var random = new CmdletInfo("Get-Random", typeof(GetRandomCommand));
        var seed = Guid.NewGuid().GetHashCode() & int.MaxValue;
        var command = Script.Command(random, Script.Named("SetSeed", seed));
        invocation.Run(invocation.Block(command), new List<object>());
    }
}

/// <summary>Registers a block. The name of the command says when it runs.</summary>
[Cmdlet(VerbsLifecycle.Register, "LambdaHook")]
public sealed class RegisterHookCommand : PSCmdlet
{
    /// <summary>The block; it runs in the session of its file.</summary>
    [Parameter(Mandatory = true, Position = 0)]
    public ScriptBlock ScriptBlock { get; set; }

    protected override void ProcessRecord() => Hooks.Registered[MyInvocation.MyCommand.Name].Add(ScriptBlock);
}
