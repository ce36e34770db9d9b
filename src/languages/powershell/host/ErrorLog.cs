namespace LambdaScriptRuntime;

/// <summary>Shows objects in the log, errors among them, as PowerShell shows them. Public, as a script calls it.</summary>
public sealed class ErrorLog
{
    private readonly Log log;
    private readonly Formatter formatter;

    internal ErrorLog(Log log, Formatter formatter) => (this.log, this.formatter) = (log, formatter);

    /// <summary>Shows an object.</summary>
    /// <param name="item">The object.</param>
    public void WriteLambdaError(PSObject item)
    {
        if (item == null)
        {
            return;
        }

        var record = item.BaseObject as ErrorRecord;
        if (record != null && log.IsJson)
        {
            log.WriteRecord("ERROR", string.Empty, record.ToString());
            return;
        }

        log.WriteLine(formatter.Text(item).Trim('\r', '\n'));
        // an error of the handler itself has no place: PowerShell names the line of the call, which we have made
        if (record != null && string.IsNullOrEmpty(record.InvocationInfo?.ScriptName)
            && Failures.Stack(record) is [string first, ..])
        {
            log.WriteLine(first);
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
