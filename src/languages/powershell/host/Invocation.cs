namespace LambdaScriptRuntime;

/// <summary>
/// Runs commands in the session: collects their output, and logs their errors. Simple functions do both: unlike
/// cmdlets, they have no default values of parameters. They are created before the user's file is loaded.
/// </summary>
internal sealed class Invocation
{
    private const string DefaultValues = "global:PSDefaultParameterValues";

    // PowerShell's log of started and ended commands is not used here. It leaves out commands of this name: each entry
    // takes 5 µs
    private const string Unlogged = "Format-Default";

    private readonly Runspace runspace;

    // read once: while an action of an event runs, the runspace refuses access
    private readonly PSVariableIntrinsics variables;
    private readonly LambdaHost host;
    private readonly ErrorLog errors;
    private readonly OutputCollector collector = new();
    private readonly FunctionInfo collect;
    private readonly FunctionInfo log;

    // a text would be compiled for every event, which takes longer than everything else
    private readonly CmdletInfo call = new(Unlogged, typeof(CallCommand));

    /// <summary>Runs commands in this runspace.</summary>
    public Invocation(Runspace runspace, LambdaHost host, ErrorLog errors)
    {
        this.runspace = runspace;
        variables = runspace.SessionStateProxy.PSVariable;
        this.host = host;
        this.errors = errors;
        collect = Function(Unlogged, Script.ForEach(collector, nameof(OutputCollector.AddLambdaOutput)));
        // native commands write directly to standard error if a command of this name takes the errors
        log = Function("Out-Default", Script.ForEach(errors, nameof(ErrorLog.WriteLambdaError)));
    }

    /// <summary>Commands for <see cref="Run"/>.</summary>
    /// <param name="commands">A pipeline, whose output is collected. <c>$args</c> has the arguments of the run.</param>
    public ScriptBlock Block(params CommandBaseAst[] commands) => Block(commands, []);

    /// <summary>The same, followed by statements.</summary>
    public ScriptBlock Block(CommandBaseAst[] commands, params StatementAst[] end)
    {
        var block = Script.Block([Script.Pipeline([.. commands, Script.Command(collect)]), .. end]);
        return Script.Block(Script.Pipeline(Script.WithErrors(block), Script.Command(log)));
    }

    /// <summary>Runs commands.</summary>
    /// <param name="block">The commands.</param>
    /// <param name="output">Takes their output, even if they fail later.</param>
    /// <param name="arguments">The value of <c>$args</c>.</param>
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
            // the answer is not used
            output.Clear();
        }

        // a handler may have caught it
        collector.ThrowError();
        state.Error?.Throw();
    }

    /// <summary>Dot-sources a file in the global session.</summary>
    public void DotSource(string file, List<object> output)
    {
        host.ExitStatus = null;
        using var shell = PowerShell.Create(runspace);
        shell.AddCommand(file, false);
        DropStreams(shell.Streams);
        LogErrors(shell.Streams);
        shell.Invoke(null, output);
    }

    /// <summary>Creates a function and removes it from the session.</summary>
    public FunctionInfo Function(string name, ScriptBlock block)
    {
        var items = runspace.SessionStateProxy.InvokeProvider.Item;
        var place = "Function:" + name;
        var function = (FunctionInfo)items.Set(place, block)[0].BaseObject;
        items.Remove(place, false);
        return function;
    }

    // errors of blocks that .NET calls
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

    // the host has already written the records of these streams; storing them would cost memory for each line
    private static void DropStreams(PSDataStreams streams)
    {
        streams.Information.DataAdded += (sender, _) => ((PSDataCollection<InformationRecord>)sender).Clear();
        streams.Verbose.DataAdded += (sender, _) => ((PSDataCollection<VerboseRecord>)sender).Clear();
        streams.Warning.DataAdded += (sender, _) => ((PSDataCollection<WarningRecord>)sender).Clear();
        streams.Debug.DataAdded += (sender, _) => ((PSDataCollection<DebugRecord>)sender).Clear();
        streams.Progress.DataAdded += (sender, _) => ((PSDataCollection<ProgressRecord>)sender).Clear();
    }
}
