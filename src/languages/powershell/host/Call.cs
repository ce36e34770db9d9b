namespace LambdaScriptRuntime;

/// <summary>A call of a block, and how it ended. Public, as a cmdlet takes it.</summary>
public sealed class Call
{
    private readonly ScriptBlock block;
    private readonly object[] arguments;

    internal Call(ScriptBlock block, object[] arguments) => (this.block, this.arguments) = (block, arguments);

    /// <summary>The error that ended it, or null.</summary>
    internal ExceptionDispatchInfo Error { get; private set; }

    internal void Run()
    {
        try
        {
            block.Invoke(arguments);
        }
        catch (Exception error) when (error is not FlowControlException)
        {
            // not thrown by the cmdlet, which would wrap it
            Error = ExceptionDispatchInfo.Capture(error);
        }
    }
}

/// <summary>Calls a block.</summary>
[Cmdlet(VerbsLifecycle.Invoke, "LambdaBlock")]
public sealed class CallCommand : PSCmdlet
{
    /// <summary>Values for the common parameters, so that <c>$PSDefaultParameterValues</c> does not set them.</summary>
    internal static IDictionary Common { get; } = new Hashtable
    {
        ["ErrorAction"] = ActionPreference.Continue,
        ["WarningAction"] = ActionPreference.Continue,
        ["InformationAction"] = ActionPreference.Continue,
        ["ProgressAction"] = ActionPreference.Continue,
        ["Verbose"] = false,
        ["Debug"] = false,
        ["OutBuffer"] = 0,
        ["OutVariable"] = null,
        ["ErrorVariable"] = null,
        ["WarningVariable"] = null,
        ["InformationVariable"] = null,
        ["PipelineVariable"] = null,
    };

    /// <summary>The call.</summary>
    [Parameter]
    public Call LambdaCall { get; set; }

    protected override void EndProcessing() => LambdaCall.Run();
}

/// <summary>Ends the pipeline before its next command begins.</summary>
[Cmdlet(VerbsLifecycle.Stop, "LambdaScript")]
public sealed class RefuseCommand : PSCmdlet
{
    protected override void BeginProcessing()
        => ThrowTerminatingError(new(new RefusedException(), "Refused", ErrorCategory.OperationStopped, null));
}

/// <summary>Thrown when a command was prevented from running.</summary>
internal sealed class RefusedException : Exception;
