namespace LambdaScriptRuntime
{
    /// <summary>A console of 120 columns that nobody sees.</summary>
    internal sealed class RawUserInterface : PSHostRawUserInterface
    {
        private const int Width = 120;
        private const int Height = 50;

        /// <inheritdoc/>
        public override ConsoleColor BackgroundColor { get; set; } = (ConsoleColor)(-1);

        /// <inheritdoc/>
        public override Size BufferSize { get; set; } = new(Width, Height);

        /// <inheritdoc/>
        public override Coordinates CursorPosition { get; set; }

        /// <inheritdoc/>
        public override int CursorSize { get; set; } = 100;

        /// <inheritdoc/>
        public override ConsoleColor ForegroundColor { get; set; } = (ConsoleColor)(-1);

        /// <inheritdoc/>
        public override bool KeyAvailable => false;

        /// <inheritdoc/>
        public override Size MaxPhysicalWindowSize => new(Width, Height);

        /// <inheritdoc/>
        public override Size MaxWindowSize => new(Width, Height);

        /// <inheritdoc/>
        public override Coordinates WindowPosition { get; set; }

        /// <inheritdoc/>
        public override Size WindowSize { get; set; } = new(Width, Height);

        /// <inheritdoc/>
        public override string WindowTitle { get; set; } = string.Empty;

        /// <inheritdoc/>
        public override void FlushInputBuffer()
        {
        }

        /// <inheritdoc/>
        public override BufferCell[,] GetBufferContents(Rectangle rectangle)
        {
            throw new PSNotSupportedException("there is no console whose content could be read");
        }

        /// <inheritdoc/>
        public override KeyInfo ReadKey(ReadKeyOptions options)
        {
            throw UserInterface.NonInteractive();
        }

        /// <inheritdoc/>
        public override void ScrollBufferContents(
            Rectangle source, Coordinates destination, Rectangle clip, BufferCell fill)
        {
        }

        /// <inheritdoc/>
        public override void SetBufferContents(Coordinates origin, BufferCell[,] contents)
        {
        }

        /// <inheritdoc/>
        public override void SetBufferContents(Rectangle rectangle, BufferCell fill)
        {
        }
    }
}
