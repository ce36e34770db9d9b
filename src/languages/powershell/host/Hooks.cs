namespace LambdaScriptRuntime
{
    using System;
    using System.Collections.Generic;
    using System.Management.Automation;

    /// <summary>
    /// What a handler's file has registered to be run before a SnapStart snapshot or the shutdown (what was registered
    /// last, first) and in each copy of a snapshot (what was registered first, first).
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
        public static void Run(string step, Invocation invocation, ErrorLog log)
        {
            var hooks = new List<ScriptBlock>(
                step == "restore" ? AfterRestore : step == "checkpoint" ? BeforeCheckpoint : OnShutdown);
            if (step == "restore")
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
                invocation.Run(Invocation.Block("& $args[0]"), output, hook);
                log.WriteAll(output);
            }
        }

        private static void Reseed(Invocation invocation)
        {
            var random = new CmdletInfo("Get-Random", typeof(Microsoft.PowerShell.Commands.GetRandomCommand));
            var seed = Guid.NewGuid().GetHashCode() & int.MaxValue;
            invocation.Run(Invocation.Block("& $args[0] -SetSeed $args[1]"), new List<object>(), random, seed);
        }
    }

    /// <summary>Registers a block to be run before a SnapStart snapshot.</summary>
    [Cmdlet(VerbsLifecycle.Register, "BeforeCheckpoint")]
    public sealed class RegisterBeforeCheckpointCommand : PSCmdlet
    {
        /// <summary>The block; it runs in the session of its file.</summary>
        [Parameter(Mandatory = true, Position = 0)]
        public ScriptBlock ScriptBlock { get; set; }

        /// <inheritdoc/>
        protected override void ProcessRecord()
        {
            Hooks.BeforeCheckpoint.Add(ScriptBlock);
        }
    }

    /// <summary>Registers a block to be run before the environment ends.</summary>
    [Cmdlet(VerbsLifecycle.Register, "OnShutdown")]
    public sealed class RegisterOnShutdownCommand : PSCmdlet
    {
        /// <summary>The block; it runs in the session of its file.</summary>
        [Parameter(Mandatory = true, Position = 0)]
        public ScriptBlock ScriptBlock { get; set; }

        /// <inheritdoc/>
        protected override void ProcessRecord()
        {
            Hooks.OnShutdown.Add(ScriptBlock);
        }
    }

    /// <summary>Registers a block to be run in each copy of a SnapStart snapshot.</summary>
    [Cmdlet(VerbsLifecycle.Register, "AfterRestore")]
    public sealed class RegisterAfterRestoreCommand : PSCmdlet
    {
        /// <summary>The block; it runs in the session of its file.</summary>
        [Parameter(Mandatory = true, Position = 0)]
        public ScriptBlock ScriptBlock { get; set; }

        /// <inheritdoc/>
        protected override void ProcessRecord()
        {
            Hooks.AfterRestore.Add(ScriptBlock);
        }
    }
}
