namespace LambdaScriptRuntime
{
    /// <summary>The host of the session: to a handler, the one of a <c>pwsh</c> that nobody sits at.</summary>
    internal sealed class LambdaHost : PSHost, IHostSupportsInteractiveSession
    {
        private readonly UserInterface ui;
        private readonly PSObject privateData = new(new ConsoleColors());

        /// <summary>A host that writes to this log.</summary>
        public LambdaHost(Log log) => ui = new UserInterface(log);

        /// <summary>The status of an <c>exit</c> that the event has run; null where it has not.</summary>
        public int? ExitStatus { get; set; }

        public override CultureInfo CurrentCulture { get; } = CultureInfo.CurrentCulture;
        public override CultureInfo CurrentUICulture { get; } = CultureInfo.CurrentUICulture;
        public override Guid InstanceId { get; } = Guid.NewGuid();
        public override string Name => "ConsoleHost";
        public override PSObject PrivateData => privateData;
        public override PSHostUserInterface UI => ui;
        public override Version Version => PSVersionInfo.PSVersion;

        public bool IsRunspacePushed => false;

        public Runspace Runspace { get; set; }

        public void PushRunspace(Runspace runspace)
            => throw new PSNotSupportedException("a Lambda function has no interactive session");

        public void PopRunspace()
        {
        }

        public override void EnterNestedPrompt() => throw UserInterface.NonInteractive();

        public override void ExitNestedPrompt()
        {
        }

        public override void NotifyBeginApplication()
        {
        }

        public override void NotifyEndApplication()
        {
        }

        public override void SetShouldExit(int exitCode) => ExitStatus = exitCode;
    }
}
