namespace LambdaScriptRuntime
{
    /// <summary>The host of the session: to a handler, the one of a <c>pwsh</c> that nobody sits at.</summary>
    internal sealed class LambdaHost : PSHost, IHostSupportsInteractiveSession
    {
        private readonly UserInterface ui;
        private readonly PSObject privateData = new(new ConsoleColors());

        /// <summary>A host that writes to this log.</summary>
        public LambdaHost(Log log)
        {
            ui = new UserInterface(log);
        }

        /// <summary>The status of an <c>exit</c> that the event has run; null where it has not.</summary>
        public int? ExitStatus { get; set; }

        /// <inheritdoc/>
        public override CultureInfo CurrentCulture { get; } = CultureInfo.CurrentCulture;

        /// <inheritdoc/>
        public override CultureInfo CurrentUICulture { get; } = CultureInfo.CurrentUICulture;

        /// <inheritdoc/>
        public override Guid InstanceId { get; } = Guid.NewGuid();

        /// <inheritdoc/>
        public override string Name => "ConsoleHost";

        /// <inheritdoc/>
        public override PSObject PrivateData => privateData;

        /// <inheritdoc/>
        public override PSHostUserInterface UI => ui;

        /// <inheritdoc/>
        public override Version Version => PSVersionInfo.PSVersion;

        /// <inheritdoc/>
        public bool IsRunspacePushed => false;

        /// <inheritdoc/>
        public Runspace Runspace { get; set; }

        /// <inheritdoc/>
        public void PushRunspace(Runspace runspace)
        {
            throw new PSNotSupportedException("a Lambda function has no interactive session");
        }

        /// <inheritdoc/>
        public void PopRunspace()
        {
        }

        /// <inheritdoc/>
        public override void EnterNestedPrompt()
        {
            throw UserInterface.NonInteractive();
        }

        /// <inheritdoc/>
        public override void ExitNestedPrompt()
        {
        }

        /// <inheritdoc/>
        public override void NotifyBeginApplication()
        {
        }

        /// <inheritdoc/>
        public override void NotifyEndApplication()
        {
        }

        /// <inheritdoc/>
        public override void SetShouldExit(int exitCode)
        {
            ExitStatus = exitCode;
        }
    }
}
