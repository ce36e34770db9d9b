namespace LambdaScriptRuntime
{
    using System.Collections.ObjectModel;
    using System.Security;

    /// <summary>The session writes to the log, without colours; a question is an error.</summary>
    internal sealed class UserInterface : PSHostUserInterface
    {
        private readonly Log log;
        private readonly RawUserInterface raw = new();

        /// <summary>An interface that writes to this log.</summary>
        public UserInterface(Log log) => this.log = log;

        public override PSHostRawUserInterface RawUI => raw;
        public override bool SupportsVirtualTerminal => Environment.GetEnvironmentVariable("TERM") != "dumb";

        /// <summary>The error of everything that asks somebody.</summary>
        public static PSInvalidOperationException NonInteractive()
        {
            return new PSInvalidOperationException(
                "PowerShell is in NonInteractive mode. Read and Prompt functionality is not available.");
        }

        public override void Write(string value) => log.Write(value);

        public override void Write(ConsoleColor foregroundColor, ConsoleColor backgroundColor, string value)
            => log.Write(value);

        public override void WriteLine(string value) => log.WriteLine(value);

        public override void WriteLine(ConsoleColor foregroundColor, ConsoleColor backgroundColor, string value)
            => log.WriteLine(value);

        public override void WriteLine() => log.WriteLine(string.Empty);
        public override void WriteErrorLine(string value) => log.WriteRecord("ERROR", string.Empty, value);
        public override void WriteDebugLine(string message) => log.WriteRecord("DEBUG", "DEBUG: ", message);
        public override void WriteVerboseLine(string message) => log.WriteRecord("TRACE", "VERBOSE: ", message);
        public override void WriteWarningLine(string message) => log.WriteRecord("WARN", "WARNING: ", message);

        public override void WriteProgress(long sourceId, ProgressRecord record)
        {
        }

        public override string ReadLine() => throw NonInteractive();
        public override SecureString ReadLineAsSecureString() => throw NonInteractive();

        public override Dictionary<string, PSObject> Prompt(
            string caption, string message, Collection<FieldDescription> descriptions)
        {
            throw NonInteractive();
        }

        public override int PromptForChoice(
            string caption, string message, Collection<ChoiceDescription> choices, int defaultChoice)
        {
            throw NonInteractive();
        }

        public override PSCredential PromptForCredential(
            string caption, string message, string userName, string targetName)
        {
            throw NonInteractive();
        }

        public override PSCredential PromptForCredential(
            string caption,
            string message,
            string userName,
            string targetName,
            PSCredentialTypes allowedCredentialTypes,
            PSCredentialUIOptions options)
        {
            throw NonInteractive();
        }
    }
}
