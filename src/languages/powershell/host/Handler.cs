namespace LambdaScriptRuntime
{
    /// <summary>The command that the handler names, and how it can be called with an event and a context.</summary>
    internal sealed class Handler
    {
        private readonly Invocation invocation;
        private readonly ScriptBlock block;
        private readonly ScriptEnd end = new();
        private readonly int arguments;

        /// <summary>A handler that is this command.</summary>
        public Handler(CommandInfo command, bool answersValue, Invocation invocation)
        {
            this.invocation = invocation;
            var isAdvanced = false;
            var isPiped = false;
            var hasParameters = false;
            CommandParameterInfo first = null;
            var positions = 0;
            foreach (var parameter in DefaultParameterSet(command).Parameters)
            {
                hasParameters = true;
                isAdvanced = isAdvanced || parameter.Name == "ErrorVariable";
                isPiped = isPiped || parameter.ValueFromPipeline;
                if (parameter.Position >= 0)
                {
                    positions++;
                    first = first == null || parameter.Position < first.Position ? parameter : first;
                }
            }

            TakesObjects = answersValue
                || string.Equals(first?.Name, "LambdaInput", StringComparison.OrdinalIgnoreCase);
            // without declared parameters, both are in `$args`
            arguments = isAdvanced ? Math.Min(positions, 2) : 2;
            isPiped = isAdvanced ? positions == 0 && isPiped : !hasParameters && HasProcessBlock(command);
            block = Block(command, isPiped, isAdvanced);
        }

        /// <summary>Whether its input is what ConvertFrom-Json gives, instead of a hashtable.</summary>
        public bool TakesObjects { get; }

        /// <summary>Calls it.</summary>
        /// <param name="data">The event.</param>
        /// <param name="context">The context.</param>
        /// <param name="output">Takes its output.</param>
        /// <returns>Whether it said itself that it had failed, as a script with <c>exit 3</c> does.</returns>
        public bool Run(object data, PSObject context, ICollection<object> output)
        {
            end.Succeeded = true;
            invocation.Run(block, output, data, context);
            return !end.Succeeded;
        }

        private ScriptBlock Block(CommandInfo command, bool isPiped, bool isAdvanced)
        {
            var elements = new List<CommandElementAst>();
            for (var index = 0; index < arguments; index++)
            {
                elements.Add(Script.Argument(index));
            }

            if (isAdvanced)
            {
                elements.Add(Script.Named("Verbose"));
            }

            var commands = new List<CommandBaseAst> { Script.Command(command, elements.ToArray()) };
            if (isPiped)
            {
                commands.Insert(0, Script.Value(Script.Whole(Script.Argument(0))));
            }

            if (command is not ExternalScriptInfo)
            {
                return invocation.Block(commands.ToArray());
            }

            var record = Script.Call(end, nameof(ScriptEnd.RecordLambdaEnd), Script.Variable("?"));
            return invocation.Block(record, commands.ToArray());
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
                && function.ScriptBlock.Ast is FunctionDefinitionAst { Body.ProcessBlock: not null };
        }
    }
}
