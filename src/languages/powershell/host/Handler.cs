namespace LambdaScriptRuntime;

/// <summary>The handler's command, and the way to call it with an event and a context.</summary>
internal sealed class Handler
{
    private readonly Invocation invocation;
    private readonly ScriptBlock block;
    private readonly ScriptEnd end = new();

    /// <summary>A handler that is this command.</summary>
    public Handler(CommandInfo command, bool answersValue, Invocation invocation)
    {
        this.invocation = invocation;
        var set = command.ParameterSets.FirstOrDefault(set => set.IsDefault) ?? command.ParameterSets[^1];
        var positional = set.Parameters.Where(parameter => parameter.Position >= 0).ToList();
        positional.Sort((one, other) => one.Position - other.Position);
        var first = positional.FirstOrDefault()?.Name;
        var isAdvanced = set.Parameters.Any(parameter => parameter.Name == "ErrorVariable");
        TakesObjects = answersValue || string.Equals(first, "LambdaInput", StringComparison.OrdinalIgnoreCase);
        // without declared parameters, both are in `$args`
        var arguments = isAdvanced ? Math.Min(positional.Count, 2) : 2;
        var isPiped = isAdvanced
            ? positional.Count == 0 && set.Parameters.Any(parameter => parameter.ValueFromPipeline)
            : set.Parameters.Count == 0 && HasProcessBlock(command);
        CommandElementAst[] all = [Script.Argument(0), Script.Argument(1)];
        CommandElementAst[] verbose = isAdvanced ? [Script.Named("Verbose")] : [];
        var call = Script.Command(command, [.. all[..arguments], .. verbose]);
        CommandBaseAst[] commands = isPiped ? [Script.Value(Script.Whole(Script.Argument(0))), call] : [call];
        block = command is ExternalScriptInfo
            ? invocation.Block(commands, Script.Call(end, nameof(ScriptEnd.RecordLambdaEnd), Script.Variable("?")))
            : invocation.Block(commands);
    }

    /// <summary>Whether it gets the objects of ConvertFrom-Json instead of a hashtable.</summary>
    public bool TakesObjects { get; }

    /// <summary>Calls it.</summary>
    /// <param name="data">The event.</param>
    /// <param name="context">The context.</param>
    /// <param name="output">Takes its output.</param>
    /// <returns>Whether it has reported a failure itself, like a script with <c>exit 3</c>.</returns>
    public bool Run(object data, PSObject context, ICollection<object> output)
    {
        end.Succeeded = true;
        invocation.Run(block, output, data, context);
        return !end.Succeeded;
    }

    private static bool HasProcessBlock(CommandInfo command)
        => command is FunctionInfo { ScriptBlock.Ast: FunctionDefinitionAst { Body.ProcessBlock: not null } };
}

/// <summary>The end of a script. Public, because a script of the host calls it.</summary>
public sealed class ScriptEnd
{
    /// <summary>Whether PowerShell reports success.</summary>
    public bool Succeeded { get; internal set; }

    /// <summary>Stores the value of <c>$?</c>.</summary>
    /// <param name="succeeded">Its value.</param>
    public void RecordLambdaEnd(bool succeeded) => Succeeded = succeeded;
}
