namespace LambdaScriptRuntime;

/// <summary>
/// A streamed answer: output is sent at once, and is not stored.
/// </summary>
/// <param name="pipe">The pipe for the answer.</param>
/// <param name="formatter">Converts objects to text.</param>
internal sealed class StreamedAnswer(Stream pipe, Formatter formatter) : Collection<object>, IDisposable
{
    // parts of a table or another format whose end has not come
    private readonly List<object> parts = new();

    /// <summary>Writes the rest and closes the pipe.</summary>
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
            pipe.Write(bytes);
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
            pipe.Write(Encoding.UTF8.GetBytes(text));
        }
    }
}
