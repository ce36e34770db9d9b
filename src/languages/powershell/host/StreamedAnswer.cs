namespace LambdaScriptRuntime;

/// <summary>
/// The answer of an event where answers are streamed: what is added to it goes out at once, and is not kept.
/// </summary>
internal sealed class StreamedAnswer : Collection<object>, IDisposable
{
    private readonly Stream pipe;
    private readonly Formatter formatter;

    // parts of a table, or the like, whose end has not come
    private readonly List<object> parts = new();

    /// <summary>An answer that goes to this pipe.</summary>
    public StreamedAnswer(Stream pipe, Formatter formatter)
    {
        this.pipe = pipe;
        this.formatter = formatter;
    }

    /// <summary>Writes what is left and closes the pipe.</summary>
    public void Dispose()
    {
        Write(formatter.TakeText(parts));
        pipe.Dispose();
    }

    protected override void InsertItem(int index, object item)
    {
        var value = Answer.Base(item);
        if (Answer.IsFormat(item))
        {
            parts.Add(item);
            if (value.GetType().Name != "FormatEndData")
            {
                return;
            }
        }

        Write(formatter.TakeText(parts));
        if (value is byte[] bytes)
        {
            pipe.Write(bytes, 0, bytes.Length);
        }
        else if (value is string line)
        {
            Write(line + "\n");
        }
        else if (Answer.IsRecord(item))
        {
            Write(formatter.Text(item));
        }
        else if (value != null && !Answer.IsFormat(item))
        {
            Write(JsonWriter.Write(item, Answer.LargestStreamed) + "\n");
        }
    }

    private void Write(string text)
    {
        if (text.Length > 0)
        {
            var bytes = Encoding.UTF8.GetBytes(text);
            pipe.Write(bytes, 0, bytes.Length);
        }
    }
}
