namespace LambdaScriptRuntime;

/// <summary>One event: its bytes and its context.</summary>
/// <param name="context">The environment, the headers, and the names of other runtimes for them.</param>
/// <param name="bytes">The event.</param>
internal sealed class Request(Hashtable context, byte[] bytes)
{
    private string text;

    /// <summary>The event.</summary>
    public byte[] Bytes => bytes;

    /// <summary>The environment, the headers, and the names of other runtimes for them.</summary>
    public Hashtable Context => context;

    /// <summary>The event as text.</summary>
    public string Text => text ??= Encoding.UTF8.GetString(bytes);

    /// <summary>Reads an event whose context has just been read, and sets its environment variables.</summary>
    /// <param name="payload">The payload of the frame <c>context</c>.</param>
    /// <param name="context">The part of the context that all events have in common.</param>
    /// <param name="pipes">The pipes with the frame <c>event</c>.</param>
    /// <returns>The event; null if the pipe has ended.</returns>
    public static Request Read(byte[] payload, Hashtable context, Pipes pipes)
    {
        var isHeader = false;
        foreach (var line in Encoding.UTF8.GetString(payload).TrimEnd('\n').Split('\n'))
        {
            if (line.Length == 0)
            {
                isHeader = true;
            }
            else if (isHeader)
            {
                var (name, value) = Cut(line, ": ");
                context[name] = value;
            }
            else
            {
                SetVariable(line, context);
            }
        }

        LambdaContext.AddNames(context);
        return pipes.TryRead(out _, out var bytes) ? new Request(context, bytes) : null;
    }

    /// <summary>The event for a handler: a hashtable if its content type is JSON and it parses, else text.</summary>
    public object Data()
    {
        var isJson = context["content-type"] is string type
            && type.StartsWith("application/json", StringComparison.OrdinalIgnoreCase);
        return isJson && JsonReader.TryRead(this, out var value) ? value : Text;
    }

    /// <summary>The event as ConvertFrom-Json reads it; the data if that is impossible.</summary>
    public object Objects(object data)
    {
        if (data is string)
        {
            return data;
        }

        try
        {
            var value = JsonObject.ConvertFromJson(Text, out var error);
            return error == null ? value : data;
        }
        catch (ArgumentException)
        {
            return data;
        }
    }

    private static void SetVariable(string line, Hashtable context)
    {
        var (name, value) = Cut(line, "=");
        Environment.SetEnvironmentVariable(name, value);
        if (value == null)
        {
            context.Remove(name);
        }
        else
        {
            context[name] = value;
        }
    }

    // the parts before and after a separator; without one, the second is null
    private static (string First, string Second) Cut(string line, string separator)
    {
        var parts = line.Split(separator, 2);
        return (parts[0], parts.Length == 2 ? parts[1] : null);
    }
}

/// <summary>The variable <c>$LambdaInput</c>, which parses the event at its first use.</summary>
internal sealed class InputVariable() : PSVariable("LambdaInput")
{
    private Request request;
    private object value;

    public override object Value
    {
        get
        {
            if (request != null)
            {
                var (pending, data) = (request, value);
                request = null;
                value = pending.Objects(data);
            }

            return value;
        }

        set => (request, this.value) = (null, value);
    }

    /// <summary>Sets the variable to this event.</summary>
    public void Hold(Request next, object data) => (request, value) = (next, data);
}
