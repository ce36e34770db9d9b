namespace LambdaScriptRuntime
{
    using System.Collections.Generic;
    using System.Management.Automation;
    using System.Management.Automation.Runspaces;

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

        /// <summary>Runs commands in this runspace.</summary>
        public Invocation(Runspace runspace, LambdaHost host, ErrorLog errors)
        {
            this.runspace = runspace;
            this.host = host;
            this.errors = errors;
        }

        /// <summary>A command whose output is collected, as part of the text for <see cref="Run"/>.</summary>
        public static string Collected(string command)
        {
            return command + " | & $args[4] -Output $args[5]";
        }

        /// <summary>Runs a text.</summary>
        /// <param name="text">Commands, with the arguments in <c>$args</c>.</param>
        /// <param name="output">What they put out, also where they fail later.</param>
        /// <param name="arguments">The first four of <c>$args</c>.</param>
        public void Run(string text, List<object> output, params object[] arguments)
        {
            host.ExitStatus = null;
            using var shell = PowerShell.Create(runspace);
            shell.AddScript("& { " + text + " } @args 2>&1 | & $args[6] -Log $args[7]", true);
            for (var index = 0; index < 4; index++)
            {
                shell.AddArgument(index < arguments.Length ? arguments[index] : null);
            }

            shell.AddArgument(collect).AddArgument(output).AddArgument(log).AddArgument(errors);
            DropStreams(shell.Streams);
            shell.Invoke();
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

    /// <summary>Collects what comes down the pipeline.</summary>
    [Cmdlet(VerbsCommon.Add, "LambdaOutput")]
    public sealed class CollectCommand : PSCmdlet
    {
        /// <summary>One object of the pipeline.</summary>
        [Parameter(ValueFromPipeline = true)]
        [AllowNull]
        public object Item { get; set; }

        /// <summary>Where they are collected.</summary>
        [Parameter]
        [AllowEmptyCollection]
        public List<object> Output { get; set; }

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

            var isError = (item is PSObject wrapped ? wrapped.BaseObject : item) is ErrorRecord;
            if (isError && json)
            {
                log.WriteRecord("ERROR", string.Empty, item.ToString());
            }
            else
            {
                log.WriteLine(formatter.Text(item).Trim('\r', '\n'));
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
