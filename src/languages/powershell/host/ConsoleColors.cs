namespace LambdaScriptRuntime
{
    /// <summary>The colours of <c>$Host.PrivateData</c>, which files set; nothing here has colours.</summary>
    public sealed class ConsoleColors
    {
        /// <summary>Accents of tables.</summary>
        public ConsoleColor FormatAccentColor { get; set; } = ConsoleColor.Green;

        /// <summary>Accents of errors.</summary>
        public ConsoleColor ErrorAccentColor { get; set; } = ConsoleColor.Cyan;

        /// <summary>Errors.</summary>
        public ConsoleColor ErrorForegroundColor { get; set; } = ConsoleColor.Red;

        /// <summary>Behind errors.</summary>
        public ConsoleColor ErrorBackgroundColor { get; set; } = (ConsoleColor)(-1);

        /// <summary>Warnings.</summary>
        public ConsoleColor WarningForegroundColor { get; set; } = ConsoleColor.Yellow;

        /// <summary>Behind warnings.</summary>
        public ConsoleColor WarningBackgroundColor { get; set; } = (ConsoleColor)(-1);

        /// <summary>Lines of the stream for debugging.</summary>
        public ConsoleColor DebugForegroundColor { get; set; } = ConsoleColor.Yellow;

        /// <summary>Behind them.</summary>
        public ConsoleColor DebugBackgroundColor { get; set; } = (ConsoleColor)(-1);

        /// <summary>Verbose lines.</summary>
        public ConsoleColor VerboseForegroundColor { get; set; } = ConsoleColor.Yellow;

        /// <summary>Behind verbose lines.</summary>
        public ConsoleColor VerboseBackgroundColor { get; set; } = (ConsoleColor)(-1);

        /// <summary>Progress.</summary>
        public ConsoleColor ProgressForegroundColor { get; set; } = ConsoleColor.Yellow;

        /// <summary>Behind progress.</summary>
        public ConsoleColor ProgressBackgroundColor { get; set; } = ConsoleColor.DarkCyan;
    }
}
