namespace LambdaScriptRuntime;

/// <summary>Writes objects and errors to the log in PowerShell's format. Public, because a script calls it.</summary>
public sealed class ErrorLog
{
    private readonly Log log;
    private readonly Formatter formatter;

    internal ErrorLog(Log log, Formatter formatter) => (this.log, this.formatter) = (log, formatter);

    /// <summary>Writes an object to the log.</summary>
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
        // an error of the handler itself has no place: PowerShell would name the host's own call
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
