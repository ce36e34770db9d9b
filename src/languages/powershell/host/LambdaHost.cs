namespace LambdaScriptRuntime;

/// <summary>The host of the session. For a handler, it looks like that of a non-interactive <c>pwsh</c>.</summary>
/// <param name="log">The log that it writes to.</param>
internal sealed class LambdaHost(Log log) : PSHost, IHostSupportsInteractiveSession
{
    /// <summary>The status of an <c>exit</c> in the event; null if there was none.</summary>
    public int? ExitStatus { get; set; }

    public override CultureInfo CurrentCulture { get; } = CultureInfo.CurrentCulture;
    public override CultureInfo CurrentUICulture { get; } = CultureInfo.CurrentUICulture;
    public override Guid InstanceId { get; } = Guid.NewGuid();
    public override string Name => "ConsoleHost";
    public override PSObject PrivateData { get; } = new(new ConsoleColors());
    public override PSHostUserInterface UI { get; } = new UserInterface(log);
    public override Version Version => PSVersionInfo.PSVersion;

    public bool IsRunspacePushed => false;
    public Runspace Runspace { get; set; }

    public void PushRunspace(Runspace runspace)
        => throw new PSNotSupportedException("a Lambda function has no interactive session");

    public void PopRunspace() { }
    public override void EnterNestedPrompt() => throw UserInterface.NonInteractive();
    public override void ExitNestedPrompt() { }
    public override void NotifyBeginApplication() { }
    public override void NotifyEndApplication() { }
    public override void SetShouldExit(int exitCode) => ExitStatus = exitCode;
}

/// <summary>The user interface of the session: writes to the log without colours; a prompt is an error.</summary>
internal sealed class UserInterface(Log log) : PSHostUserInterface
{
    public override PSHostRawUserInterface RawUI { get; } = new RawUserInterface();
    public override bool SupportsVirtualTerminal => Environment.GetEnvironmentVariable("TERM") != "dumb";

    /// <summary>The error of all prompts.</summary>
    public static PSInvalidOperationException NonInteractive()
        => new("PowerShell is in NonInteractive mode. Read and Prompt functionality is not available.");

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

    public override void WriteProgress(long sourceId, ProgressRecord record) { }
    public override string ReadLine() => throw NonInteractive();
    public override SecureString ReadLineAsSecureString() => throw NonInteractive();

    public override Dictionary<string, PSObject> Prompt(
        string caption, string message, Collection<FieldDescription> descriptions)
        => throw NonInteractive();

    public override int PromptForChoice(
        string caption, string message, Collection<ChoiceDescription> choices, int defaultChoice)
        => throw NonInteractive();

    public override PSCredential PromptForCredential(
        string caption, string message, string userName, string targetName)
        => throw NonInteractive();

    public override PSCredential PromptForCredential(
        string caption,
        string message,
        string userName,
        string targetName,
        PSCredentialTypes allowedCredentialTypes,
        PSCredentialUIOptions options)
        => throw NonInteractive();
}

/// <summary>An invisible console of 120 columns.</summary>
internal sealed class RawUserInterface : PSHostRawUserInterface
{
    private const int Width = 120;
    private const int Height = 50;

    public override ConsoleColor BackgroundColor { get; set; } = (ConsoleColor)(-1);
    public override Size BufferSize { get; set; } = new(Width, Height);
    public override Coordinates CursorPosition { get; set; }
    public override int CursorSize { get; set; } = 100;
    public override ConsoleColor ForegroundColor { get; set; } = (ConsoleColor)(-1);
    public override bool KeyAvailable => false;
    public override Size MaxPhysicalWindowSize => new(Width, Height);
    public override Size MaxWindowSize => new(Width, Height);
    public override Coordinates WindowPosition { get; set; }
    public override Size WindowSize { get; set; } = new(Width, Height);
    public override string WindowTitle { get; set; } = string.Empty;

    public override void FlushInputBuffer() { }

    public override BufferCell[,] GetBufferContents(Rectangle rectangle)
        => throw new PSNotSupportedException("there is no console whose content could be read");

    public override KeyInfo ReadKey(ReadKeyOptions options) => throw UserInterface.NonInteractive();

    public override void ScrollBufferContents(
        Rectangle source, Coordinates destination, Rectangle clip, BufferCell fill) { }

    public override void SetBufferContents(Coordinates origin, BufferCell[,] contents) { }
    public override void SetBufferContents(Rectangle rectangle, BufferCell fill) { }
}

/// <summary>The colours of <c>$Host.PrivateData</c>, which files may set; they have no effect.</summary>
public sealed class ConsoleColors
{
    public ConsoleColor FormatAccentColor { get; set; } = ConsoleColor.Green;
    public ConsoleColor ErrorAccentColor { get; set; } = ConsoleColor.Cyan;
    public ConsoleColor ErrorForegroundColor { get; set; } = ConsoleColor.Red;
    public ConsoleColor ErrorBackgroundColor { get; set; } = (ConsoleColor)(-1);
    public ConsoleColor WarningForegroundColor { get; set; } = ConsoleColor.Yellow;
    public ConsoleColor WarningBackgroundColor { get; set; } = (ConsoleColor)(-1);
    public ConsoleColor DebugForegroundColor { get; set; } = ConsoleColor.Yellow;
    public ConsoleColor DebugBackgroundColor { get; set; } = (ConsoleColor)(-1);
    public ConsoleColor VerboseForegroundColor { get; set; } = ConsoleColor.Yellow;
    public ConsoleColor VerboseBackgroundColor { get; set; } = (ConsoleColor)(-1);
    public ConsoleColor ProgressForegroundColor { get; set; } = ConsoleColor.Yellow;
    public ConsoleColor ProgressBackgroundColor { get; set; } = ConsoleColor.DarkCyan;
}
