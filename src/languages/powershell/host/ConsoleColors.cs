namespace LambdaScriptRuntime
{
    /// <summary>The colours of <c>$Host.PrivateData</c>, which files set; nothing here has colours.</summary>
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
}
