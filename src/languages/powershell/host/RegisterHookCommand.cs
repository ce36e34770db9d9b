namespace LambdaScriptRuntime
{
    /// <summary>Registers a block; the commands of this kind say for which moment.</summary>
    public abstract class RegisterHookCommand : PSCmdlet
    {
        /// <summary>The block; it runs in the session of its file.</summary>
        [Parameter(Mandatory = true, Position = 0)]
        public ScriptBlock ScriptBlock { get; set; }

        private protected abstract List<ScriptBlock> Registered { get; }

        protected override void ProcessRecord() => Registered.Add(ScriptBlock);
    }
}
