namespace LambdaScriptRuntime;

/// <summary>
/// Formats objects as PowerShell does. It runs in its own module, which the user's default values of parameters and
/// preferences do not affect.
/// </summary>
internal sealed class Formatter
{
    private PSModuleInfo module;
    private ScriptBlock block;

    /// <summary>The text of these objects. Clears the list.</summary>
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

        // a line of a native command's standard error
        var isLine = record.FullyQualifiedErrorId.StartsWith("NativeCommandError", StringComparison.Ordinal);
        string text = null;
        try
        {
            text = isLine ? null : Format(items);
        }
        catch (RuntimeException)
        {
            // the view calls functions that a user may have replaced
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
