namespace LambdaScriptRuntime
{
    using System.Runtime.ExceptionServices;

    /// <summary>A call of a block, and how it ended. Public, as a cmdlet takes it.</summary>
    public sealed class Call
    {
        private readonly ScriptBlock block;
        private readonly object[] arguments;

        internal Call(ScriptBlock block, object[] arguments)
        {
            this.block = block;
            this.arguments = arguments;
        }

        /// <summary>The error that ended it; null where there is none.</summary>
        internal ExceptionDispatchInfo Error { get; private set; }

        internal void Run()
        {
            try
            {
                block.Invoke(arguments);
            }
            catch (Exception error) when (error is not FlowControlException)
            {
                // not by way of the cmdlet, which would wrap it
                Error = ExceptionDispatchInfo.Capture(error);
            }
        }
    }
}
