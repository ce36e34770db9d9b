namespace LambdaScriptRuntime;

/// <summary>Loads the user's file and finds the handler's command in it.</summary>
/// <param name="session">The session for the file.</param>
/// <param name="invocation">Runs the commands.</param>
/// <param name="log">Takes the output of a file while it is loaded.</param>
internal sealed class Loader(Session session, Invocation invocation, ErrorLog log)
{
    private const CommandTypes Functions = CommandTypes.Function | CommandTypes.Filter;

    /// <summary>The imported module; null if the handler is no module.</summary>
    public PSModuleInfo Module { get; private set; }

    /// <summary>The names that the file defines, if the handler's name is missing.</summary>
    public List<string> Defined { get; } = new();

    private CommandInvocationIntrinsics Commands => session.Runspace.SessionStateProxy.InvokeCommand;

    private static CmdletInfo ImportModule =>
        new("Import-Module", typeof(ImportModuleCommand));

    /// <summary>Imports the modules of PowerShell that every handler uses, by path: by name, it takes longer.</summary>
    public void ImportOwn()
    {
        var names = new[] { "Microsoft.PowerShell.Utility", "Microsoft.PowerShell.Management" };
        var files = Array.ConvertAll(names, name => $"{Session.Home}/Modules/{name}/{name}.psd1");
        using var shell = PowerShell.Create(session.Runspace);
        shell.AddCommand(ImportModule).AddParameter("Name", files).Invoke();
    }

    /// <summary>The handler's command; null if the file does not define it.</summary>
    public CommandInfo Load(Arguments arguments) => arguments.Kind switch
    {
        "script" => FindScript(arguments.Place),
        "module" => FunctionOfModule(arguments.Place, arguments.Function),
        _ => FunctionOfScript(arguments.Place, arguments.Function),
    };

    private ExternalScriptInfo FindScript(string place)
    {
        var script = (ExternalScriptInfo)Commands.GetCommand(place, CommandTypes.ExternalScript);
        // this throws if the script cannot be parsed
        _ = script.ScriptBlock;
        var refuse = new CmdletInfo("Stop-LambdaScript", typeof(RefuseCommand));
        try
        {
            // a script in a pipeline checks its #Requires; the first command prevents it from running
            var block = invocation.Block(Script.Command(refuse), Script.Command(script));
            invocation.Run(block, new List<object>());
        }
        catch (RuntimeException error) when (error.InnerException is RefusedException)
        {
            // all requirements are met
        }

        return script;
    }

    private CommandInfo FunctionOfModule(string place, string function)
    {
        var output = new List<object>();
        var command = Script.Command(
            ImportModule,
            Script.Named("Name", place),
            Script.Named("PassThru"),
            Script.Named("DisableNameChecking"),
            Script.Named("ErrorAction", ActionPreference.Stop),
            // the module may set preferences while it is imported
            Script.Named("Verbose", false),
            Script.Named("Debug", false));
        invocation.Run(invocation.Block(command), output);
        // the module's file may have written other output
        var last = output.FindLast(item => Answer.Base(item) is PSModuleInfo);
        Module = (PSModuleInfo)Answer.Base(last);
        output.Remove(last);
        log.WriteAll(output);
        return Module == null ? null : Exported(function);
    }

    private CommandInfo Exported(string function)
    {
        if (Module.ExportedCommands.TryGetValue(function, out var command))
        {
            return command is AliasInfo alias ? alias.ResolvedCommand : command;
        }

        if (IsDefined(function))
        {
            throw new HandlerException(
                "Runtime.HandlerNotFound",
                $"`{Module.Path}` defines `{function}` and does not export it: add it to `FunctionsToExport` of the "
                    + "manifest, or to `Export-ModuleMember`");
        }

        Defined.AddRange(Module.ExportedCommands.Keys);
        return null;
    }

    private bool IsDefined(string function)
    {
        var find = new CmdletInfo("Get-Command", typeof(GetCommandCommand));
        var command = Script.Command(
            find,
            Script.Named("Name", WildcardPattern.Escape(function)),
            Script.Named("CommandType", Functions),
            Script.Named("ErrorAction", ActionPreference.Ignore));
        return Answer.Base(Module.Invoke(Script.Block(Script.Pipeline(command)))) is CommandInfo own
            && string.Equals(own.ModuleName, Module.Name, StringComparison.OrdinalIgnoreCase);
    }

    // without the lookup actions that the file has set
    private CommandInfo Find(string function)
    {
        var (before, after) = (Commands.PreCommandLookupAction, Commands.PostCommandLookupAction);
        var missing = Commands.CommandNotFoundAction;
        Commands.PreCommandLookupAction = Commands.PostCommandLookupAction = Commands.CommandNotFoundAction = null;
        try
        {
            return Commands.GetCommand(function, Functions);
        }
        finally
        {
            (Commands.PreCommandLookupAction, Commands.PostCommandLookupAction) = (before, after);
            Commands.CommandNotFoundAction = missing;
        }
    }

    private CommandInfo FunctionOfScript(string place, string function)
    {
        var output = new List<object>();
        // directly into the global session, without a block of the host
        invocation.DotSource(place, output);
        log.WriteAll(output);
        var command = Find(function);
        if (command == null)
        {
            var all = Commands.GetCommands("*", Functions, true).OfType<FunctionInfo>();
            Defined.AddRange(all.Where(other => other.ScriptBlock.File == place).Select(other => other.Name));
        }

        return command;
    }
}
