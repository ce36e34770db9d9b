namespace LambdaScriptRuntime;

/// <summary>
/// Builds script blocks without text. They refer to commands directly, not by names that a user's function could take,
/// and have no position, so that no error record, trace or call stack quotes them.
/// </summary>
internal static class Script
{
    private static readonly ScriptPosition Origin = new(null, 0, 0, string.Empty);

    private static readonly IScriptExtent Nowhere = new ScriptExtent(Origin, Origin);

    /// <summary>A block of these statements.</summary>
    public static ScriptBlock Block(params StatementAst[] statements)
    {
        var end = Named(TokenKind.End, [StopAtErrors(), .. statements]);
        return Finished(new ScriptBlockAst(Nowhere, null, null, null, end, null));
    }

    /// <summary>A block that calls a method with each object of the pipeline. The method takes a
    /// <see cref="PSObject"/>: PowerShell removes the wrapper for any other type.</summary>
    public static ScriptBlock ForEach(object target, string method)
    {
        var begin = Named(TokenKind.Begin, StopAtErrors());
        var process = Named(TokenKind.Process, Call(target, method, Variable("_")));
        return Finished(new ScriptBlockAst(Nowhere, null, begin, process, null, null));
    }

    /// <summary>The statement that calls a method.</summary>
    public static StatementAst Call(object target, string method, ExpressionAst argument)
    {
        var name = new StringConstantExpressionAst(Nowhere, method, StringConstantType.BareWord);
        var call = new InvokeMemberExpressionAst(Nowhere, Constant(target), name, new[] { argument }, false);
        return Pipeline(Value(call));
    }

    /// <summary>A pipeline.</summary>
    public static StatementAst Pipeline(params CommandBaseAst[] commands) => new PipelineAst(Nowhere, commands);

    /// <summary>A value as the first element of a pipeline.</summary>
    public static CommandBaseAst Value(ExpressionAst value) => new CommandExpressionAst(Nowhere, value, null);

    /// <summary>A command.</summary>
    public static CommandBaseAst Command(object command, params CommandElementAst[] elements)
    {
        CommandElementAst[] all = [Constant(command), .. elements];
        return new CommandAst(Nowhere, all, TokenKind.Ampersand, []);
    }

    /// <summary>A call of a block with <c>@args</c>, whose errors join its output.</summary>
    public static CommandBaseAst WithErrors(ScriptBlock block)
    {
        CommandElementAst[] call = [Constant(block), new VariableExpressionAst(Nowhere, "args", true)];
        RedirectionAst[] merge = [new MergingRedirectionAst(Nowhere, RedirectionStream.Error, RedirectionStream.Output)];
        return new CommandAst(Nowhere, call, TokenKind.Ampersand, merge);
    }

    /// <summary>A named argument; a switch if there is no value.</summary>
    public static CommandElementAst Named(string name, object value = null)
        => new CommandParameterAst(Nowhere, name, value == null ? null : Constant(value), Nowhere);

    /// <summary>An element of <c>$args</c>.</summary>
    public static ExpressionAst Argument(int index)
        => new IndexExpressionAst(Nowhere, Variable("args"), Constant(index));

    /// <summary>A value that a pipeline passes as one object, even if it is an array.</summary>
    public static ExpressionAst Whole(ExpressionAst value) => new ArrayLiteralAst(Nowhere, new[] { value });

    /// <summary>A variable.</summary>
    public static ExpressionAst Variable(string name) => new VariableExpressionAst(Nowhere, name, false);

    private static ExpressionAst Constant(object value) => new ConstantExpressionAst(Nowhere, value);

    // only in this block: with the user's own preference, an error of the handler could end here without a message
    private static StatementAst StopAtErrors()
    {
        var stop = Pipeline(Value(Constant(ActionPreference.Stop)));
        var preference = Variable("private:ErrorActionPreference");
        return new AssignmentStatementAst(Nowhere, preference, TokenKind.Equals, stop, Nowhere);
    }

    private static NamedBlockAst Named(TokenKind kind, params StatementAst[] statements)
        => new NamedBlockAst(Nowhere, kind, new StatementBlockAst(Nowhere, statements, null), false);

    private static ScriptBlock Finished(ScriptBlockAst ast)
    {
        var block = ast.GetScriptBlock();
        block.DebuggerHidden = true;
        return block;
    }
}
