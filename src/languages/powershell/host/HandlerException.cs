namespace LambdaScriptRuntime
{
    /// <summary>An error whose type is not the exception's own name.</summary>
    internal sealed class HandlerException : RuntimeException
    {
        /// <summary>An error of this type, as <c>errorType</c> shows it.</summary>
        public HandlerException(string type, string message)
            : base(message)
        {
            Type = type;
        }

        /// <summary>The type.</summary>
        public string Type { get; }
    }
}
