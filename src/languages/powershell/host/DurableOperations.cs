namespace LambdaScriptRuntime;

/// <summary>Runs a block once, and stores its result for replays.</summary>
[Cmdlet(VerbsLifecycle.Invoke, "DurableStep")]
public sealed class DurableStepCommand : DurableAttemptsCommand
{
    /// <summary>The arguments of the block. They must be the same in each replay.</summary>
    [Parameter(Position = 2)]
    [AllowNull]
    public object[] ArgumentList { get; set; } = [];

    /// <summary>Whether the arguments may differ in a replay.</summary>
    [Parameter]
    public SwitchParameter AnyArgs { get; set; }

    protected override void EndProcessing()
    {
        var request = StepRequest(Name).With("any-args", AnyArgs ? "1" : null);
        var arguments = ArgumentList ?? [null];
        foreach (var argument in arguments)
        {
            request.With("arg", AnyArgs ? null : DurableResult.OfArgument(argument));
        }

        Finish(Run(request, begun => RunStep(begun, Name, Result, arguments)));
    }
}

/// <summary>Repeats a block until its output is true. The output is the result.</summary>
[Cmdlet(VerbsLifecycle.Wait, "DurableUntil")]
public sealed class DurableUntilCommand : DurableBlockCommand
{
    /// <summary>The time between two runs of the block.</summary>
    [Parameter(Mandatory = true)]
    [Duration]
    public TimeSpan Every { get; set; }

    /// <summary>The time after which the operation fails.</summary>
    [Parameter]
    [Duration]
    public TimeSpan? Timeout { get; set; }

    protected override void EndProcessing()
    {
        var request = Request("step").With("name", Name)
            .With("every", Every.TotalSeconds)
            .With("timeout", Timeout?.TotalSeconds);
        Finish(Run(request, AskOnce));
    }

    private DurableMessage AskOnce(DurableMessage begun)
    {
        var state = DurableResult.State(begun["state"]);
        return RunStep(begun, Name, output => End(output, state), state);
    }

    // the output is true by the rules of `if`
    private static DurableMessage End(IList<PSObject> output, Hashtable state)
    {
        var isTrue = output.Count > 1 || (output.Count == 1 && LanguagePrimitives.IsTrue(output[0]));
        return isTrue ? Result(output) : new DurableMessage("end").With("again", DurableResult.OfValue(state));
    }
}

/// <summary>Runs a block in a context: names inside are independent of names outside.</summary>
[Cmdlet(VerbsLifecycle.Invoke, "DurableContext")]
public sealed class DurableContextCommand : DurableBlockCommand
{
    /// <summary>The arguments of the block.</summary>
    [Parameter(Position = 2)]
    [AllowNull]
    public object[] ArgumentList { get; set; } = [];

    protected override void EndProcessing() => Finish(Run(Request("context").With("name", Name), begun =>
    {
        using var scope = Scope().EnterContext(begun["id"]);
        return DurableBlock.Run(ScriptBlock, Result, ArgumentList ?? [null]);
    }));
}

/// <summary>Runs a block with the id of a callback, and waits for the answer.</summary>
[Cmdlet(VerbsLifecycle.Wait, "DurableCallback")]
public sealed class DurableCallbackCommand : DurableAttemptsCommand
{
    /// <summary>The time for the answer.</summary>
    [Parameter]
    [Duration]
    public TimeSpan? Timeout { get; set; }

    /// <summary>The longest time without a heartbeat.</summary>
    [Parameter]
    [Duration]
    public TimeSpan? Heartbeat { get; set; }

    protected override void EndProcessing()
    {
        var request = Request("context").With("name", Name).With("sub-type", "WaitForCallback");
        Finish(Run(request, begun => Answered(begun["id"]).As("end")));
    }

    private DurableMessage Answered(string context)
    {
        using var scope = Scope().EnterContext(context);
        var created = Ask(DurableCallbackIdCommand.Times(
            Request("callback").With("name", Name + " create callback id"), Timeout, Heartbeat));
        var submitter = Name + " submitter";
        var submitted = Run(StepRequest(submitter), begun => RunStep(begun, submitter, Result, created["callback"]));
        return submitted.Verb == "failed" ? submitted : Ask(Request("result").With("id", created["id"]));
    }
}

/// <summary>Writes the id of a new callback.</summary>
[Cmdlet(VerbsCommon.New, "DurableCallback")]
public sealed class DurableCallbackIdCommand : DurableCommand
{
    /// <summary>The name.</summary>
    [Parameter(Mandatory = true, Position = 0)]
    public string Name { get; set; }

    /// <summary>The time for the answer.</summary>
    [Parameter]
    [Duration]
    public TimeSpan? Timeout { get; set; }

    /// <summary>The longest time without a heartbeat.</summary>
    [Parameter]
    [Duration]
    public TimeSpan? Heartbeat { get; set; }

    internal static DurableMessage Times(DurableMessage request, TimeSpan? timeout, TimeSpan? heartbeat)
        => request.With("timeout", timeout?.TotalSeconds).With("heartbeat", heartbeat?.TotalSeconds);

    protected override void EndProcessing()
        => WriteObject(Ask(Times(Request("callback").With("name", Name), Timeout, Heartbeat))["callback"]);
}

/// <summary>Waits for the answer to a callback.</summary>
[Cmdlet(VerbsCommunications.Receive, "DurableCallback")]
public sealed class DurableCallbackResultCommand : DurableCommand
{
    /// <summary>The name of the callback.</summary>
    [Parameter(Mandatory = true, Position = 0)]
    public string Name { get; set; }

    protected override void EndProcessing() => Finish(Ask(Request("result").With("name", Name)));
}

/// <summary>Invokes another function, and waits for its answer.</summary>
[Cmdlet(VerbsLifecycle.Invoke, "DurableFunction")]
public sealed class DurableFunctionCommand : DurableCommand
{
    /// <summary>The function with its qualifier.</summary>
    [Parameter(Mandatory = true, Position = 0)]
    public string FunctionName { get; set; }

    /// <summary>The event, an object that becomes JSON.</summary>
    [Parameter(Position = 1)]
    public object Event { get; set; }

    /// <summary>The name of the operation; the default is the function.</summary>
    [Parameter]
    public string Name { get; set; }

    /// <summary>The tenant for which the function is invoked.</summary>
    [Parameter]
    public string Tenant { get; set; }

    protected override void EndProcessing() => Finish(Ask(Request("invoke")
        .With("name", Name ?? FunctionName)
        .With("function", FunctionName)
        .With("event", DurableResult.OfArgument(Event))
        .With("tenant", Tenant)));
}

/// <summary>Ends the invocation. The handler continues after this time.</summary>
[Cmdlet(VerbsLifecycle.Wait, "Durable", DefaultParameterSetName = "Duration")]
public sealed class DurableWaitCommand : DurableCommand
{
    /// <summary>The duration.</summary>
    [Parameter(Mandatory = true, Position = 0, ParameterSetName = "Duration")]
    [Duration]
    public TimeSpan Duration { get; set; }

    /// <summary>The number of seconds.</summary>
    [Parameter(Mandatory = true, ParameterSetName = "Seconds")]
    public double Seconds { get; set; }

    /// <summary>The end of the wait.</summary>
    [Parameter(Mandatory = true, ParameterSetName = "Until")]
    public DateTimeOffset Until { get; set; }

    /// <summary>The name of the operation.</summary>
    [Parameter]
    public string Name { get; set; } = "wait";

    protected override void EndProcessing()
    {
        var request = Request("wait").With("name", Name);
        Finish(Ask(ParameterSetName switch
        {
            "Until" => request.With("until", Until.ToUnixTimeMilliseconds() / 1000.0),
            "Seconds" => request.With("seconds", Seconds),
            _ => request.With("seconds", Duration.TotalSeconds),
        }));
    }
}

/// <summary>Ends the execution with an error.</summary>
[Cmdlet(VerbsLifecycle.Stop, "DurableExecution")]
public sealed class DurableFailCommand : DurableCommand
{
    /// <summary>The type of the error.</summary>
    [Parameter(Mandatory = true, Position = 0)]
    public string ErrorType { get; set; }

    /// <summary>The message.</summary>
    [Parameter(Mandatory = true, Position = 1)]
    [AllowEmptyString]
    public string Message { get; set; }

    protected override void EndProcessing()
        => Ask(new DurableMessage("fail").With("type", ErrorType).With("message", Message));
}

/// <summary>Tests whether the record has operations that the handler has not reached yet.</summary>
[Cmdlet(VerbsDiagnostic.Test, "DurableReplay")]
public sealed class DurableReplayingCommand : DurableCommand
{
    protected override void EndProcessing() => WriteObject(Ask(new DurableMessage("replaying")).Verb == "yes");
}
