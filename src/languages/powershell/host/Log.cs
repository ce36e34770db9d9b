namespace LambdaScriptRuntime;

/// <summary>
/// The log: standard error, whose lines the bootstrap copies. In JSON mode, a record is an object with its level, and
/// the bootstrap turns every other line into an object.
/// </summary>
/// <param name="json">Whether the log is in JSON mode.</param>
internal sealed class Log(bool json)
{
    private readonly Stream stream = Console.OpenStandardError();

    // the text of Write-Host -NoNewline, in JSON mode
    private string begun = string.Empty;

    /// <summary>Whether it is in JSON mode.</summary>
    public bool IsJson => json;

    /// <summary>The request id of the current event.</summary>
    public string RequestId { get; set; }

    /// <summary>The tenant of the event, or null.</summary>
    public string TenantId { get; set; }

    /// <summary>Writes text, which may be a part of a line.</summary>
    public void Write(string text)
    {
        if (!json)
        {
            Send(text);
            return;
        }

        text = begun + text;
        var end = text.LastIndexOf('\n');
        begun = text.Substring(end + 1);
        if (end >= 0)
        {
            Send(text.Substring(0, end + 1));
        }
    }

    /// <summary>Writes a line, or in JSON mode a record if it has several.</summary>
    public void WriteLine(string text)
    {
        (text, begun) = (begun + text, string.Empty);
        Send(json && text.Contains('\n') ? Record("INFO", text) : text + "\n");
    }

    /// <summary>Writes a record of a stream; in text mode, a line that begins with the stream's name.</summary>
    public void WriteRecord(string level, string prefix, string message)
        => Send(json ? Record(level, message) : prefix + message + "\n");

    /// <summary>Ends an unfinished line.</summary>
    public void Flush()
    {
        if (begun.Length > 0)
        {
            WriteLine(string.Empty);
        }
    }

    private string Record(string level, string message)
    {
        var record = new OrderedDictionary
        {
            ["timestamp"] = DateTime.UtcNow.ToString("yyyy-MM-ddTHH:mm:ss.ffffffZ", CultureInfo.InvariantCulture),
            ["level"] = level,
            ["requestId"] = RequestId ?? string.Empty,
        };
        if (TenantId != null)
        {
            record["tenantId"] = TenantId;
        }

        record["message"] = message;
        return JsonWriter.Write(record) + "\n";
    }

    private void Send(string text)
    {
        lock (stream)
        {
            stream.Write(Encoding.UTF8.GetBytes(text));
        }
    }
}
