namespace LambdaScriptRuntime
{
    using System;
    using System.Collections.Generic;
    using System.Management.Automation;

    /// <summary>The command that the handler names, and how it can be called with an event and a context.</summary>
    internal sealed class Handler
    {
        private enum Call
        {
            /// <summary>Both arguments by position; what is not declared is in <c>$args</c>.</summary>
            Plain,

            /// <summary>The same, and the event on the pipeline.</summary>
            PlainPiped,

            /// <summary>Both arguments by position.</summary>
            Two,

            /// <summary>The event by position.</summary>
            One,

            /// <summary>The event on the pipeline.</summary>
            Piped,

            /// <summary>Nothing.</summary>
            None,
        }

        private readonly CommandInfo command;
        private readonly ScriptBlock block;

        /// <summary>A handler that is this command.</summary>
        public Handler(CommandInfo command, bool answersValue)
        {
            this.command = command;
            var set = DefaultParameterSet(command);
            var isPiped = false;
            var hasParameters = false;
            CommandParameterInfo first = null;
            var positions = 0;
            foreach (var parameter in set.Parameters)
            {
                hasParameters = true;
                IsAdvanced = IsAdvanced || parameter.Name == "ErrorVariable";
                isPiped = isPiped || parameter.ValueFromPipeline;
                if (parameter.Position >= 0)
                {
                    positions++;
                    first = first == null || parameter.Position < first.Position ? parameter : first;
                }
            }

            var call = IsAdvanced
                ? positions > 1 ? Call.Two : positions == 1 ? Call.One : isPiped ? Call.Piped : Call.None
                : !hasParameters && HasProcessBlock(command) ? Call.PlainPiped : Call.Plain;
            TakesObjects = answersValue
                || string.Equals(first?.Name, "LambdaInput", StringComparison.OrdinalIgnoreCase);
            block = Block(call, command is ExternalScriptInfo);
        }

        /// <summary>Whether its input is what ConvertFrom-Json gives, instead of a hashtable.</summary>
        public bool TakesObjects { get; }

        /// <summary>Whether it has the parameters that all cmdlets have.</summary>
        public bool IsAdvanced { get; }

        /// <summary>Calls it.</summary>
        /// <param name="invocation">What runs it.</param>
        /// <param name="data">The event.</param>
        /// <param name="context">The context.</param>
        /// <param name="output">Takes what it puts out.</param>
        /// <returns>Whether it said itself that it had failed, as a script with <c>exit 3</c> does.</returns>
        public bool Run(Invocation invocation, object data, PSObject context, ICollection<object> output)
        {
            var end = new ScriptEnd();
            invocation.Run(block, output, command, data, context, end);
            return end.Failed;
        }

        // what `Invocation.Run` runs: without names of its own, as a function of the global session sees the variables
        // of its caller
        private static ScriptBlock Block(Call call, bool isScript)
        {
            var text = call switch
            {
                Call.Plain => "& $args[0] $args[1] $args[2]",
                Call.PlainPiped => ", $args[1] | & $args[0] $args[1] $args[2]",
                Call.Two => "& $args[0] $args[1] $args[2] -Verbose",
                Call.One => "& $args[0] $args[1] -Verbose",
                Call.Piped => ", $args[1] | & $args[0] -Verbose",
                _ => "& $args[0] -Verbose",
            };
            return Invocation.Block(text, isScript ? "; if ($?) { } else { $args[3].Failed = $true }" : string.Empty);
        }

        private static CommandParameterSetInfo DefaultParameterSet(CommandInfo command)
        {
            CommandParameterSetInfo last = null;
            foreach (var set in command.ParameterSets)
            {
                last = set;
                if (set.IsDefault)
                {
                    break;
                }
            }

            return last;
        }

        private static bool HasProcessBlock(CommandInfo command)
        {
            return command is FunctionInfo function
                && function.ScriptBlock.Ast is System.Management.Automation.Language.FunctionDefinitionAst definition
                && definition.Body.ProcessBlock != null;
        }
    }
    /// <summary>How a script ended.</summary>
    public sealed class ScriptEnd
    {
        /// <summary>Whether it said itself that it had failed.</summary>
        public bool Failed { get; set; }
    }
}
