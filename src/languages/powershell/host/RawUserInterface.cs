namespace LambdaScriptRuntime
{
    /// <summary>A console of 120 columns that nobody sees.</summary>
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

        public override void FlushInputBuffer()
        {
        }

        public override BufferCell[,] GetBufferContents(Rectangle rectangle)
            => throw new PSNotSupportedException("there is no console whose content could be read");

        public override KeyInfo ReadKey(ReadKeyOptions options) => throw UserInterface.NonInteractive();

        public override void ScrollBufferContents(
            Rectangle source, Coordinates destination, Rectangle clip, BufferCell fill)
        {
        }

        public override void SetBufferContents(Coordinates origin, BufferCell[,] contents)
        {
        }

        public override void SetBufferContents(Rectangle rectangle, BufferCell fill)
        {
        }
    }
}
