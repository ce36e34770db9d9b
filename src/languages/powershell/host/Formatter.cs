namespace LambdaScriptRuntime;

/// <summary>
/// Objects as the text that PowerShell shows. It runs in a module of its own, where default values of parameters
/// and preferences of the user's do not reach.
/// </summary>
internal sealed class Formatter
{
    private PSModuleInfo module;
    private ScriptBlock block;

    /// <summary>The text of these objects, which are taken off the list.</summary>
    public string TakeText(List<object> items)
    {
        if (items.Count == 0)
        {
            return string.Empty;
        }

        var all = items.ToArray();
        items.Clear();
        return Text(all);
    }

    /// <summary>The text of these objects.</summary>
    public string Text(params object[] items)
    {
        if (items.Length != 1 || Answer.Base(items[0]) is not ErrorRecord record)
        {
            return Format(items);
        }

        // a line that a native command has written to its standard error
        var isLine = record.FullyQualifiedErrorId.StartsWith("NativeCommandError", StringComparison.Ordinal);
        string text = null;
        try
        {
            text = isLine ? null : Format(items);
        }
        catch (RuntimeException)
        {
            // the view calls functions that the user's own may stand in for
        }

        return string.IsNullOrWhiteSpace(text) ? record + "\n" : text;
    }

    private string Format(object[] items)
    {
        if (module == null)
        {
            var outString = new CmdletInfo("Out-String", typeof(OutStringCommand));
            module = new PSModuleInfo(true);
            module.SessionState.PSVariable.Set("PSDefaultParameterValues", new DefaultParameterDictionary());
            module.SessionState.PSVariable.Set("ErrorActionPreference", ActionPreference.Continue);
            block = Script.Block(
                Script.Pipeline(Script.Value(Script.Variable("args")), Script.Command(outString)));
        }

        return module.Invoke(block, items)?.ToString() ?? string.Empty;
    }
}
