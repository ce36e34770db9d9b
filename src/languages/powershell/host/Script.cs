namespace LambdaScriptRuntime
{
    /// <summary>
    /// Builds script blocks without text. They hold commands themselves, not names that a user's function could take,
    /// and have no position, so that no error record, trace or call stack quotes them.
    /// </summary>
    internal static class Script
    {
        private static readonly ScriptPosition Origin = new(null, 0, 0, string.Empty);

        private static readonly IScriptExtent Nowhere = new ScriptExtent(Origin, Origin);

        /// <summary>A block of these statements.</summary>
        public static ScriptBlock Block(params StatementAst[] statements)
        {
            var all = new List<StatementAst> { StopAtErrors() };
            all.AddRange(statements);
            return Block(null, Named(TokenKind.End, all.ToArray()), true);
        }

        /// <summary>A block that calls a method with each object of the pipeline. The method takes a
        /// <see cref="PSObject"/>: PowerShell takes the wrapper off for any other type.</summary>
        public static ScriptBlock ForEach(object target, string method)
        {
            var begin = Named(TokenKind.Begin, StopAtErrors());
            return Block(begin, Named(TokenKind.Process, Call(target, method, Variable("_"))), false);
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

        /// <summary>A command, given by itself or by an expression.</summary>
        public static CommandBaseAst Command(object command, params CommandElementAst[] elements)
            => Command(command, false, elements);

        /// <summary>A command whose errors join its output.</summary>
        public static CommandBaseAst WithErrors(object command, params CommandElementAst[] elements)
            => Command(command, true, elements);

        /// <summary>The argument <c>@args</c>.</summary>
        public static CommandElementAst Arguments() => new VariableExpressionAst(Nowhere, "args", true);

        /// <summary>An argument by name; a switch where there is no value.</summary>
        public static CommandElementAst Named(string name, object value = null)
            => new CommandParameterAst(Nowhere, name, value == null ? null : Constant(value), Nowhere);

        /// <summary>One of <c>$args</c>.</summary>
        public static ExpressionAst Argument(int index)
            => new IndexExpressionAst(Nowhere, Variable("args"), Constant(index));

        /// <summary>A value that a pipeline takes as one object, an array too.</summary>
        public static ExpressionAst Whole(ExpressionAst value) => new ArrayLiteralAst(Nowhere, new[] { value });

        /// <summary>A variable.</summary>
        public static ExpressionAst Variable(string name) => new VariableExpressionAst(Nowhere, name, false);

        /// <summary>A property of an object.</summary>
        public static ExpressionAst Property(object target, string name)
        {
            var member = new StringConstantExpressionAst(Nowhere, name, StringConstantType.BareWord);
            return new MemberExpressionAst(Nowhere, Constant(target), member, false);
        }

        private static ExpressionAst Constant(object value) => new ConstantExpressionAst(Nowhere, value);

        private static CommandBaseAst Command(object command, bool hasErrors, CommandElementAst[] elements)
        {
            var all = new List<CommandElementAst> { command as ExpressionAst ?? Constant(command) };
            all.AddRange(elements);
            var redirections = new List<RedirectionAst>();
            if (hasErrors)
            {
                redirections.Add(new MergingRedirectionAst(Nowhere, RedirectionStream.Error, RedirectionStream.Output));
            }

            return new CommandAst(Nowhere, all, TokenKind.Ampersand, redirections);
        }

        // in this block alone: with the user's own preference an error of the handler could end here without a word
        private static StatementAst StopAtErrors()
        {
            return new AssignmentStatementAst(
                Nowhere,
                Variable("private:ErrorActionPreference"),
                TokenKind.Equals,
                Pipeline(Value(Constant(ActionPreference.Stop))),
                Nowhere);
        }

        private static NamedBlockAst Named(TokenKind kind, params StatementAst[] statements)
            => new NamedBlockAst(Nowhere, kind, new StatementBlockAst(Nowhere, statements, null), false);

        private static ScriptBlock Block(NamedBlockAst begin, NamedBlockAst body, bool isEnd)
        {
            var ast = new ScriptBlockAst(Nowhere, null, begin, isEnd ? null : body, isEnd ? body : null, null);
            var block = ast.GetScriptBlock();
            block.DebuggerHidden = true;
            return block;
        }
    }
}
