namespace LambdaScriptRuntime
{
    /// <summary>Ends the pipeline before the next command has begun.</summary>
    [Cmdlet(VerbsLifecycle.Stop, "LambdaScript")]
    public sealed class RefuseCommand : PSCmdlet
    {
        protected override void BeginProcessing()
        {
            ThrowTerminatingError(new ErrorRecord(
                new RefusedException(), "Refused", ErrorCategory.OperationStopped, null));
        }
    }
}
