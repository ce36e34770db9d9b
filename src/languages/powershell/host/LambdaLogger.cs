namespace LambdaScriptRuntime
{
    /// <summary>Writes to the log, as <c>$LambdaContext.Logger</c> of AWS's own runtimes does.</summary>
    public sealed class LambdaLogger
    {
        private readonly Log log;

        internal LambdaLogger(Log log) => this.log = log;

        /// <summary>Writes text that may not end its line.</summary>
        public void Log(string message) => log.Write(message);

        /// <summary>Writes a line.</summary>
        public void LogLine(string message) => log.WriteLine(message);

        /// <summary>Writes a record, whose level JSON logs show.</summary>
        public void Log(string level, string message) => log.WriteRecord(level.ToUpperInvariant(), string.Empty, message);

        /// <summary>Writes a record for tracing.</summary>
        public void LogTrace(string message) => Log("TRACE", message);

        /// <summary>Writes a record for debugging.</summary>
        public void LogDebug(string message) => Log("DEBUG", message);

        /// <summary>Writes a record.</summary>
        public void LogInformation(string message) => Log("INFO", message);

        /// <summary>Writes a warning.</summary>
        public void LogWarning(string message) => Log("WARN", message);

        /// <summary>Writes an error.</summary>
        public void LogError(string message) => Log("ERROR", message);

        /// <summary>Writes an error that ends everything.</summary>
        public void LogCritical(string message) => Log("FATAL", message);
    }
}
