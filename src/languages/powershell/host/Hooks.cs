namespace LambdaScriptRuntime
{
    /// <summary>
    /// Blocks that a handler's file has registered for a SnapStart snapshot or the shutdown (the last one runs first)
    /// and for each copy of a snapshot (the first one runs first).
    /// </summary>
    internal static class Hooks
    {
        /// <summary>Run before the snapshot.</summary>
        public static List<ScriptBlock> BeforeCheckpoint { get; } = new();

        /// <summary>Run in each copy.</summary>
        public static List<ScriptBlock> AfterRestore { get; } = new();

        /// <summary>Run at the shutdown.</summary>
        public static List<ScriptBlock> OnShutdown { get; } = new();

        /// <summary>Runs the hooks of <c>checkpoint</c>, <c>restore</c> or <c>shutdown</c>.</summary>
        public static void Run(string phase, Invocation invocation, ErrorLog log)
        {
            var hooks = new List<ScriptBlock>(
                phase == "restore" ? AfterRestore : phase == "checkpoint" ? BeforeCheckpoint : OnShutdown);
            if (phase == "restore")
            {
                Reseed(invocation);
            }
            else
            {
                hooks.Reverse();
            }

            foreach (var hook in hooks)
            {
                var output = new List<object>();
                invocation.Run(invocation.Block(Script.Command(hook)), output);
                log.WriteAll(output);
            }
        }

        private static void Reseed(Invocation invocation)
        {
            var random = new CmdletInfo("Get-Random", typeof(Microsoft.PowerShell.Commands.GetRandomCommand));
            var seed = Guid.NewGuid().GetHashCode() & int.MaxValue;
            var command = Script.Command(random, Script.Named("SetSeed", seed));
            invocation.Run(invocation.Block(command), new List<object>());
        }
    }
}
