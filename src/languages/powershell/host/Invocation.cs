namespace LambdaScriptRuntime;

/// <summary>
/// Runs commands in the session: their output is collected, their errors are logged. Simple functions of ours do
/// both: unlike cmdlets, they take no default values of parameters. Made before the user's file is loaded.
/// </summary>
internal sealed class Invocation
{
    private const string DefaultValues = "global:PSDefaultParameterValues";

    // PowerShell's log of started and ended commands, which nobody reads here, leaves out commands of this name: each
    // entry takes 5 µs
    private const string Unlogged = "Format-Default";

    private readonly Runspace runspace;

    // taken once: while an action of an event runs, the runspace refuses it
    private readonly PSVariableIntrinsics variables;
    private readonly LambdaHost host;
    private readonly ErrorLog errors;
    private readonly OutputCollector collector = new();
    private readonly FunctionInfo collect;
    private readonly FunctionInfo log;

    // a text would be compiled for every event, which takes longer than all the rest
    private readonly CmdletInfo call = new(Unlogged, typeof(CallCommand));

    /// <summary>Runs commands in this runspace.</summary>
    public Invocation(Runspace runspace, LambdaHost host, ErrorLog errors)
    {
        this.runspace = runspace;
        variables = runspace.SessionStateProxy.PSVariable;
        this.host = host;
        this.errors = errors;
        collect = Function(Unlogged, Script.ForEach(collector, nameof(OutputCollector.AddLambdaOutput)));
        // native commands write to standard error themselves where a command of this name takes the errors
        log = Function("Out-Default", Script.ForEach(errors, nameof(ErrorLog.WriteLambdaError)));
    }

    /// <summary>Commands for <see cref="Run"/>.</summary>
    /// <param name="commands">A pipeline, whose output is collected. Arguments of the run are <c>$args</c>.</param>
    public ScriptBlock Block(params CommandBaseAst[] commands) => Block(commands, []);

    /// <summary>The same, and statements that follow.</summary>
    public ScriptBlock Block(CommandBaseAst[] commands, params StatementAst[] end)
    {
        var block = Script.Block([Script.Pipeline([.. commands, Script.Command(collect)]), .. end]);
        return Script.Block(Script.Pipeline(Script.WithErrors(block), Script.Command(log)));
    }

    /// <summary>Runs commands.</summary>
    /// <param name="block">The commands.</param>
    /// <param name="output">Takes their output, also where they fail later.</param>
    /// <param name="arguments">What is in <c>$args</c>.</param>
    public void Run(ScriptBlock block, ICollection<object> output, params object[] arguments)
    {
        host.ExitStatus = null;
        collector.Begin(output);
        var state = new Call(block, arguments);
        using var shell = PowerShell.Create(runspace);
        shell.AddCommand(call).AddParameter(nameof(CallCommand.LambdaCall), state);
        if (variables.GetValue(DefaultValues) is IDictionary { Count: > 0 })
        {
            shell.AddParameters(CallCommand.Common);
        }

        DropStreams(shell.Streams);
        LogErrors(shell.Streams);
        DurableEvent.Begin(shell, variables);
        shell.Invoke();
        if (DurableEvent.IsSuspending)
        {
            // nobody waits for the answer
            output.Clear();
        }

        // a handler may have caught it
        collector.ThrowError();
        state.Error?.Throw();
    }

    /// <summary>Runs a file in the global session itself.</summary>
    public void DotSource(string file, List<object> output)
    {
        host.ExitStatus = null;
        using var shell = PowerShell.Create(runspace);
        shell.AddCommand(file, false);
        DropStreams(shell.Streams);
        LogErrors(shell.Streams);
        shell.Invoke(null, output);
    }

    /// <summary>A function that the session forgets at once.</summary>
    public FunctionInfo Function(string name, ScriptBlock block)
    {
        var items = runspace.SessionStateProxy.InvokeProvider.Item;
        var place = "Function:" + name;
        var function = (FunctionInfo)items.Set(place, block)[0].BaseObject;
        items.Remove(place, false);
        return function;
    }

    // errors of blocks that .NET calls come here
    private void LogErrors(PSDataStreams streams)
    {
        streams.Error.DataAdded += (sender, _) =>
        {
            foreach (var record in ((PSDataCollection<ErrorRecord>)sender).ReadAll())
            {
                errors.WriteLambdaError(new PSObject(record));
            }
        };
    }

    // the host has shown what comes to these; to keep it would cost memory for each line of a log
    private static void DropStreams(PSDataStreams streams)
    {
        streams.Information.DataAdded += (sender, _) => ((PSDataCollection<InformationRecord>)sender).Clear();
        streams.Verbose.DataAdded += (sender, _) => ((PSDataCollection<VerboseRecord>)sender).Clear();
        streams.Warning.DataAdded += (sender, _) => ((PSDataCollection<WarningRecord>)sender).Clear();
        streams.Debug.DataAdded += (sender, _) => ((PSDataCollection<DebugRecord>)sender).Clear();
        streams.Progress.DataAdded += (sender, _) => ((PSDataCollection<ProgressRecord>)sender).Clear();
    }
}
