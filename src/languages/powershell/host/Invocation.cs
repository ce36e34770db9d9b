namespace LambdaScriptRuntime
{
    using System;
    using System.Collections.Generic;
    using System.Management.Automation;
    using System.Management.Automation.Runspaces;
    using System.Runtime.ExceptionServices;

    /// <summary>
    /// Runs commands in the session: what they put out is collected, what goes to their error stream is logged.
    /// Both is done by cmdlets of ours at the end of pipelines, which no name of the user's can stand in for.
    /// </summary>
    internal sealed class Invocation
    {
        private readonly Runspace runspace;
        private readonly LambdaHost host;
        private readonly ErrorLog errors;
        private readonly CmdletInfo collect = new("Add-LambdaOutput", typeof(CollectCommand));

        // native commands write to standard error themselves where a command of this name takes the errors
        private readonly CmdletInfo log = new("Out-Default", typeof(LogErrorsCommand));

        // a text would be compiled anew for every event, which takes longer than all the rest
        private readonly CmdletInfo invoke = new("Invoke-LambdaBlock", typeof(CallCommand));

        /// <summary>Runs commands in this runspace.</summary>
        public Invocation(Runspace runspace, LambdaHost host, ErrorLog errors)
        {
            this.runspace = runspace;
            this.host = host;
            this.errors = errors;
        }

        /// <summary>Commands for <see cref="Run"/>: their output is collected, their errors are logged.</summary>
        /// <param name="command">The command, with the arguments in <c>$args</c>.</param>
        /// <param name="end">What follows once it has ended.</param>
        public static ScriptBlock Block(string command, string end = "")
        {
            return ScriptBlock.Create(
                "& { " + command + " | & $args[4] -Output $args[5]" + end + " } @args 2>&1 | & $args[6] -Log $args[7]");
        }

        /// <summary>Runs commands.</summary>
        /// <param name="block">The commands.</param>
        /// <param name="output">Takes what they put out, also where they fail later.</param>
        /// <param name="arguments">The first four of <c>$args</c>.</param>
        public void Run(ScriptBlock block, ICollection<object> output, params object[] arguments)
        {
            host.ExitStatus = null;
            var all = new object[] { null, null, null, null, collect, output, log, errors };
            arguments.CopyTo(all, 0);
            var call = new Call(block, all);
            using var shell = PowerShell.Create(runspace);
            shell.AddCommand(invoke).AddParameter(nameof(CallCommand.Call), call);
            DropStreams(shell.Streams);
            shell.Invoke();
            call.Error?.Throw();
        }

        /// <summary>Runs a file in the global session itself.</summary>
        public void DotSource(string file, List<object> output)
        {
            host.ExitStatus = null;
            using var shell = PowerShell.Create(runspace);
            shell.AddCommand(file, false);
            shell.AddCommand(collect).AddParameter(nameof(CollectCommand.Output), output);
            DropStreams(shell.Streams);
            shell.Streams.Error.DataAdded += (sender, _) =>
            {
                foreach (var record in ((PSDataCollection<ErrorRecord>)sender).ReadAll())
                {
                    errors.Write(record);
                }
            };
            shell.Invoke();
        }

        // the host has shown what comes to these; to keep it would cost memory for each line of a log
        private static void DropStreams(PSDataStreams streams)
        {
            streams.Information.DataAdded += (sender, _) => ((PSDataCollection<InformationRecord>)sender).Clear();
            streams.Verbose.DataAdded += (sender, _) => ((PSDataCollection<VerboseRecord>)sender).Clear();
            streams.Warning.DataAdded += (sender, _) => ((PSDataCollection<WarningRecord>)sender).Clear();
            streams.Debug.DataAdded += (sender, _) => ((PSDataCollection<DebugRecord>)sender).Clear();
            streams.Progress.DataAdded += (sender, _) => ((PSDataCollection<ProgressRecord>)sender).Clear();
        }
    }

    /// <summary>A call of a block, and how it ended.</summary>
    public sealed class Call
    {
        private readonly ScriptBlock block;
        private readonly object[] arguments;

        internal Call(ScriptBlock block, object[] arguments)
        {
            this.block = block;
            this.arguments = arguments;
        }

        /// <summary>The error that ended it; null where there is none.</summary>
        internal ExceptionDispatchInfo Error { get; private set; }

        internal void Run()
        {
            try
            {
                block.Invoke(arguments);
            }
            catch (Exception error) when (error is not (FlowControlException or PipelineStoppedException))
            {
                // not by way of the cmdlet, which would wrap it
                Error = ExceptionDispatchInfo.Capture(error);
            }
        }
    }

    /// <summary>Calls a block.</summary>
    [Cmdlet(VerbsLifecycle.Invoke, "LambdaBlock")]
    public sealed class CallCommand : PSCmdlet
    {
        /// <summary>The call.</summary>
        [Parameter]
        public Call Call { get; set; }

        /// <inheritdoc/>
        protected override void EndProcessing()
        {
            Call.Run();
        }
    }

    /// <summary>Takes what comes down the pipeline.</summary>
    [Cmdlet(VerbsCommon.Add, "LambdaOutput")]
    public sealed class CollectCommand : PSCmdlet
    {
        /// <summary>One object of the pipeline.</summary>
        [Parameter(ValueFromPipeline = true)]
        [AllowNull]
        public object Item { get; set; }

        /// <summary>Where they go.</summary>
        [Parameter]
        [AllowEmptyCollection]
        public ICollection<object> Output { get; set; }

        /// <inheritdoc/>
        protected override void ProcessRecord()
        {
            Output.Add(Item);
        }
    }

    /// <summary>Logs the errors of all commands before it.</summary>
    [Cmdlet(VerbsData.Out, "Default")]
    public sealed class LogErrorsCommand : PSCmdlet
    {
        /// <summary>An error.</summary>
        [Parameter(ValueFromPipeline = true)]
        [AllowNull]
        public object Item { get; set; }

        /// <summary>Where it goes.</summary>
        [Parameter]
        public ErrorLog Log { get; set; }

        /// <inheritdoc/>
        protected override void ProcessRecord()
        {
            Log.Write(Item);
        }
    }

    /// <summary>Shows objects in the log, errors among them, as PowerShell shows them.</summary>
    public sealed class ErrorLog
    {
        private readonly Log log;
        private readonly Formatter formatter;
        private readonly bool json;

        internal ErrorLog(Log log, Formatter formatter, bool json)
        {
            this.log = log;
            this.formatter = formatter;
            this.json = json;
        }

        internal void Write(object item)
        {
            if (item == null)
            {
                return;
            }

            var record = (item is PSObject wrapped ? wrapped.BaseObject : item) as ErrorRecord;
            if (record != null && json)
            {
                log.WriteRecord("ERROR", string.Empty, record.ToString());
                return;
            }

            log.WriteLine(formatter.Text(item).Trim('\r', '\n'));
            // PowerShell names the line that has called the function; of the handler, that is one of ours
            if (record != null && string.IsNullOrEmpty(record.InvocationInfo?.ScriptName))
            {
                var stack = Failures.Stack(record);
                if (stack.Length > 0)
                {
                    log.WriteLine((string)stack[0]);
                }
            }
        }

        internal void WriteAll(List<object> items)
        {
            if (items.Count > 0)
            {
                log.WriteLine(formatter.TakeText(items).TrimEnd('\r', '\n'));
            }
        }
    }
}
