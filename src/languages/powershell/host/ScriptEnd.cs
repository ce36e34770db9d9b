namespace LambdaScriptRuntime
{
    /// <summary>How a script ended. Public, as a script of ours calls it.</summary>
    public sealed class ScriptEnd
    {
        /// <summary>Whether PowerShell counts it as a success.</summary>
        public bool Succeeded { get; internal set; }

        /// <summary>Keeps what <c>$?</c> says.</summary>
        /// <param name="succeeded">Its value.</param>
        public void RecordLambdaEnd(bool succeeded) => Succeeded = succeeded;
    }
}
