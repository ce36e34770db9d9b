namespace LambdaScriptRuntime;

using System.Net.Sockets;

/// <summary>The base of all commands that request an operation from the bootstrap.</summary>
public abstract class DurableCommand : PSCmdlet
{
    private volatile DurableConnection connection;
    private volatile bool isStopped;

    /// <summary>Adds all commands of durable functions. Their code is compiled when they are called.</summary>
    internal static void AddAll(InitialSessionStateEntryCollection<SessionStateCommandEntry> commands)
    {
        commands.Add(new SessionStateCmdletEntry("Invoke-DurableContext", typeof(DurableContextCommand), null));
        commands.Add(new SessionStateCmdletEntry("Invoke-DurableFunction", typeof(DurableFunctionCommand), null));
        commands.Add(new SessionStateCmdletEntry("Invoke-DurableStep", typeof(DurableStepCommand), null));
        commands.Add(new SessionStateCmdletEntry("New-DurableCallback", typeof(DurableCallbackIdCommand), null));
        commands.Add(new SessionStateCmdletEntry("Receive-DurableCallback", typeof(DurableCallbackResultCommand), null));
        commands.Add(new SessionStateCmdletEntry("Stop-DurableExecution", typeof(DurableFailCommand), null));
        commands.Add(new SessionStateCmdletEntry("Test-DurableReplay", typeof(DurableReplayingCommand), null));
        commands.Add(new SessionStateCmdletEntry("Wait-Durable", typeof(DurableWaitCommand), null));
        commands.Add(new SessionStateCmdletEntry("Wait-DurableCallback", typeof(DurableCallbackCommand), null));
        commands.Add(new SessionStateCmdletEntry("Wait-DurableUntil", typeof(DurableUntilCommand), null));
    }

    private protected static DurableException Refusal(string message) => new("Durable.Refused", message);

    /// <summary>Ends the wait for a reply if the pipeline is stopped.</summary>
    protected override void StopProcessing()
    {
        isStopped = true;
        connection?.Dispose();
    }

    /// <summary>The scope of this command.</summary>
    private protected DurableScope Scope() => DurableScope.Current ?? throw Refusal(
        $"`{MyInvocation.MyCommand.Name}` is for durable executions: on Lambda the function needs a `DurableConfig`, "
            + "elsewhere run it with `bootstrap --durable HANDLER EVENT`");

    /// <summary>A request for an operation in the scope of this command.</summary>
    private protected DurableMessage Request(string verb)
    {
        var scope = Scope();
        if (scope.Step != null)
        {
            throw Refusal(
                $"this is a part of the step `{scope.Step}`, which is recorded as one: call `{MyInvocation.MyCommand.Name}` "
                    + "outside of it, or make it a context by `Invoke-DurableContext`");
        }

        return new DurableMessage(verb).With("context", scope.Context);
    }

    /// <summary>Sends a request and returns the reply. Unwinds if the invocation is over.</summary>
    private protected DurableMessage Ask(DurableMessage request)
    {
        var durable = Scope().Event;
        if (durable.IsOver)
        {
            throw durable.Suspend();
        }

        var reply = Reply(durable, request);
        return reply.Verb switch
        {
            "suspend" => throw durable.Suspend(),
            "refused" => throw Refusal(reply["message"]),
            _ => reply,
        };
    }

    /// <summary>Writes the result of an operation, or throws its error.</summary>
    private protected void Finish(DurableMessage reply)
    {
        if (reply.Verb == "failed")
        {
            var data = reply["data"];
            throw new DurableException(reply["type"], reply["message"]) { ErrorData = data.Length > 0 ? data : null };
        }

        DurableResult.Write(reply["result"], this);
    }

    private DurableMessage Reply(DurableEvent durable, DurableMessage request)
    {
        try
        {
            return durable.Ask(request, own => connection = own);
        }
        catch (Exception error) when (error is IOException or SocketException or ObjectDisposedException)
        {
            if (isStopped)
            {
                throw new PipelineStoppedException();
            }

            // an error of the runtime, after which the service repeats the invocation
            throw new DurableException(
                "Runtime.CheckpointFailed", $"the bootstrap does not answer, the event may be over: {error.Message}");
        }
    }
}

/// <summary>An operation with a block.</summary>
public abstract class DurableBlockCommand : DurableCommand
{
    /// <summary>The name, by which replays find the operation.</summary>
    [Parameter(Mandatory = true, Position = 0)]
    public string Name { get; set; }

    /// <summary>The block.</summary>
    [Parameter(Mandatory = true, Position = 1)]
    public ScriptBlock ScriptBlock { get; set; }

    /// <summary>Requests an operation, and runs its body until the operation has ended.</summary>
    private protected DurableMessage Run(DurableMessage request, Func<DurableMessage, DurableMessage> body)
    {
        var reply = Ask(request);
        while (reply.Verb == "run")
        {
            reply = Ask(body(reply).With("id", reply["id"]));
        }

        return reply;
    }

    /// <summary>Runs the block as a step.</summary>
    private protected DurableMessage RunStep(
        DurableMessage begun, string name, Func<IList<PSObject>, DurableMessage> end, params object[] arguments)
    {
        using var scope = Scope()
            .EnterStep(name, ("DURABLE_STEP", name), ("DURABLE_ATTEMPT", begun["attempt"]));
        return DurableBlock.Run(ScriptBlock, end, arguments);
    }

    private protected static DurableMessage Result(IList<PSObject> output)
        => new DurableMessage("end").With("result", DurableResult.OfOutput(output));
}

/// <summary>An operation whose block may be run again after an error.</summary>
public abstract class DurableAttemptsCommand : DurableBlockCommand
{
    /// <summary>The number of further attempts.</summary>
    [Parameter]
    [ValidateRange(0, int.MaxValue)]
    public int Retry { get; set; }

    /// <summary>The delay before the first further attempt.</summary>
    [Parameter]
    [Duration]
    public TimeSpan? Backoff { get; set; }

    /// <summary>The factor between two delays.</summary>
    [Parameter]
    public double? Rate { get; set; }

    /// <summary>The longest delay.</summary>
    [Parameter]
    [Duration]
    public TimeSpan? MaxDelay { get; set; }

    /// <summary>Whether an interrupted attempt counts as failed.</summary>
    [Parameter]
    public SwitchParameter AtMostOnce { get; set; }

    private protected DurableMessage StepRequest(string name) => Request("step").With("name", name)
        .With("retry", Retry)
        .With("backoff", Backoff?.TotalSeconds)
        .With("rate", Rate)
        .With("max-delay", MaxDelay?.TotalSeconds)
        .With("at-most-once", AtMostOnce ? "1" : null);
}
