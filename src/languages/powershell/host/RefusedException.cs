namespace LambdaScriptRuntime
{
    /// <summary>Says that a command was kept from running.</summary>
    internal sealed class RefusedException : Exception
    {
    }
}
