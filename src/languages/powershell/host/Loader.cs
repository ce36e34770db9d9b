namespace LambdaScriptRuntime
{
    using System;
    using System.Collections.Generic;
    using System.Management.Automation;

    /// <summary>Loads the user's file and finds the handler's command in it.</summary>
    internal sealed class Loader
    {
        private readonly Session session;
        private readonly Invocation invocation;
        private readonly ErrorLog log;

        /// <summary>Loads into this session.</summary>
        public Loader(Session session, Invocation invocation, ErrorLog log)
        {
            this.session = session;
            this.invocation = invocation;
            this.log = log;
        }

        /// <summary>The module that was imported; null where the handler is none.</summary>
        public PSModuleInfo Module { get; private set; }

        /// <summary>The names that the file defines, where the handler's is not among them.</summary>
        public List<string> Defined { get; } = new();

        private CommandInvocationIntrinsics Commands => session.Runspace.SessionStateProxy.InvokeCommand;

        /// <summary>Imports what ships with PowerShell and every handler uses, by path: by name it takes longer.</summary>
        public void ImportOwn()
        {
            const string Modules = "/Modules/Microsoft.PowerShell.";
            var names = new[]
            {
                Session.Home + Modules + "Utility/Microsoft.PowerShell.Utility.psd1",
                Session.Home + Modules + "Management/Microsoft.PowerShell.Management.psd1",
            };
            using var shell = PowerShell.Create(session.Runspace);
            shell.AddCommand(ImportModule()).AddParameter("Name", names).Invoke();
        }

        /// <summary>The handler's command; null where the file does not define it.</summary>
        public CommandInfo Load(Arguments arguments)
        {
            switch (arguments.Kind)
            {
                case "script":
                    return Script(arguments.Place);
                case "module":
                    return FunctionOfModule(arguments.Place, arguments.Function);
                default:
                    return FunctionOfScript(arguments.Place, arguments.Function);
            }
        }

        private static CmdletInfo ImportModule()
        {
            return new CmdletInfo("Import-Module", typeof(Microsoft.PowerShell.Commands.ImportModuleCommand));
        }

        private ExternalScriptInfo Script(string place)
        {
            var script = (ExternalScriptInfo)Commands.GetCommand(place, CommandTypes.ExternalScript);
            // it throws where the script cannot be parsed
            _ = script.ScriptBlock;
            try
            {
                // to look a script up for a pipeline meets its #Requires; the first command keeps it from running
                var refuse = new CmdletInfo("Stop-LambdaScript", typeof(RefuseCommand));
                Run("& $args[0] | & $args[1]", refuse, script);
            }
            catch (RuntimeException error) when (error.InnerException is RefusedException)
            {
                // all that it requires is there
            }

            return script;
        }

        private CommandInfo FunctionOfModule(string place, string function)
        {
            var output = Run(
                "& $args[0] -Name $args[1] -PassThru -DisableNameChecking -ErrorAction Stop", ImportModule(), place);
            // the module's file may have put something out as well
            var last = output.FindLastIndex(item => Base(item) is PSModuleInfo);
            if (last >= 0)
            {
                Module = (PSModuleInfo)Base(output[last]);
                output.RemoveAt(last);
            }

            log.WriteAll(output);
            CommandInfo command = null;
            if (Module != null && !Module.ExportedCommands.TryGetValue(function, out command))
            {
                Defined.AddRange(Module.ExportedCommands.Keys);
            }

            return command is AliasInfo alias ? alias.ResolvedCommand : command;
        }

        private CommandInfo FunctionOfScript(string place, string function)
        {
            log.WriteAll(DotSource(place));
            const CommandTypes Kinds = CommandTypes.Function | CommandTypes.Filter;
            var command = Commands.GetCommand(function, Kinds);
            if (command == null)
            {
                foreach (var other in Commands.GetCommands("*", Kinds, true))
                {
                    if (other is FunctionInfo { ScriptBlock.File: var file } && file == place)
                    {
                        Defined.Add(other.Name);
                    }
                }
            }

            return command;
        }

        private List<object> Run(string command, params object[] arguments)
        {
            var output = new List<object>();
            invocation.Run(Invocation.Block(command), output, arguments);
            return output;
        }

        // into the global session: no block of ours may stand in between
        private List<object> DotSource(string place)
        {
            var output = new List<object>();
            invocation.DotSource(place, output);
            return output;
        }

        private static object Base(object item)
        {
            return item is PSObject wrapped ? wrapped.BaseObject : item;
        }
    }

    /// <summary>Ends the pipeline before the next command has begun.</summary>
    [Cmdlet(VerbsLifecycle.Stop, "LambdaScript")]
    public sealed class RefuseCommand : PSCmdlet
    {
        /// <inheritdoc/>
        protected override void BeginProcessing()
        {
            ThrowTerminatingError(new ErrorRecord(
                new RefusedException(), "Refused", ErrorCategory.OperationStopped, null));
        }
    }

    /// <summary>Says that a command was kept from running.</summary>
    internal sealed class RefusedException : Exception
    {
    }
}
