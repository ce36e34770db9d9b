namespace LambdaScriptRuntime;

/// <summary>The output of a handler as its answer.</summary>
internal static class Answer
{
    /// <summary>The largest buffered answer that Lambda takes.</summary>
    public const int LargestBuffered = 6 * 1024 * 1024;

    /// <summary>The largest streamed answer that Lambda takes.</summary>
    public const int LargestStreamed = 200 * 1024 * 1024;

    private const string FormatTypes = "Microsoft.PowerShell.Commands.Internal.Format.";

    /// <summary>The answer of <c>Module.Function</c> and of scripts: text if all of it is text, else JSON.</summary>
    public static string OfPipeline(List<object> output, Formatter formatter)
        => IsText(output) ? Text(output, formatter) : Json(output);

    /// <summary>The answer of the forms with colons: a single string unchanged, else JSON.</summary>
    public static string OfValue(List<object> output, Formatter formatter)
    {
        return output.Count == 1 && Base(output[0]) is string text ? text
            : output.Exists(IsFormat) ? Text(output, formatter)
            : Json(output);
    }

    // output with a formatted table is text, never JSON
    private static bool IsText(List<object> output)
        => output.Exists(IsFormat) || output.TrueForAll(item => Base(item) is null or string || IsRecord(item));

    private static string Json(List<object> output)
    {
        var items = output.ConvertAll(item => IsRecord(item) ? Base(item).ToString() : item);
        return items switch
        {
            [] => string.Empty,
            [var item] => Base(item) == null ? string.Empty : JsonWriter.Write(item),
            _ => JsonWriter.Write(items),
        };
    }

    // as by Out-String, which leaves out $null
    private static string Text(List<object> output, Formatter formatter)
    {
        var text = new StringBuilder();
        var others = new List<object>();
        foreach (var item in output)
        {
            if (Base(item) is string line)
            {
                text.Append(formatter.TakeText(others)).Append(line).Append('\n');
            }
            else if (item != null)
            {
                others.Add(item);
            }
        }

        return text.Append(formatter.TakeText(others)).ToString();
    }

    // a record of another stream that the handler has merged into its output
    internal static bool IsRecord(object item)
        => Base(item) is ErrorRecord or InformationalRecord or InformationRecord;

    // output of Format-Table and other format commands
    internal static bool IsFormat(object item)
        => Base(item)?.GetType().FullName.StartsWith(FormatTypes, StringComparison.Ordinal) == true;

    internal static object Base(object item) => item is PSObject wrapped ? wrapped.BaseObject : item;
}
