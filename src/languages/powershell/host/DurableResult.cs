namespace LambdaScriptRuntime;

/// <summary>Results of operations: JSON in the record, and objects as <c>ConvertFrom-Json</c> gives them.</summary>
internal static class DurableResult
{
    /// <summary>The output of a block as JSON: nothing is an empty text, one object is itself, several are an array.</summary>
    public static string OfOutput(IList<PSObject> output)
    {
        var items = new List<object>(output.Count);
        foreach (var item in output)
        {
            if (Answer.IsFormat(item))
            {
                // a formatted table is no JSON, whatever stands beside it
                return JsonText.Quote(new Formatter().Text(output.ToArray<object>()));
            }

            items.Add(Answer.IsRecord(item) ? Answer.Base(item).ToString() : item);
        }

        return items.Count == 0 ? string.Empty : OfValue(items.Count == 1 ? items[0] : items);
    }

    /// <summary>A value as JSON.</summary>
    public static string OfValue(object value)
    {
        string json;
        try
        {
            json = JsonWriter.Write(value);
        }
        catch (RuntimeException error)
        {
            var message = error.Message.Replace("the answer is", "the result is").Replace("what to answer", "what to keep");
            throw new DurableException("Durable.InvalidResult", message);
        }

        return Encoding.UTF8.GetByteCount(json) <= Answer.LargestBuffered
            ? json
            : throw new DurableException(
                "Durable.ResultTooLarge",
                $"the result has more than {Answer.LargestBuffered} bytes: put it into Amazon S3, and keep its address");
    }

    /// <summary>A value that is a part of an operation's identity, as JSON with the keys in order: those of a hashtable
    /// come in another order in each process.</summary>
    public static string OfArgument(object value)
    {
        using var sorted = new MemoryStream();
        using (var document = JsonDocument.Parse(Encoding.UTF8.GetBytes(OfValue(value)), new() { MaxDepth = 1000 }))
        using (var writer = new Utf8JsonWriter(sorted, new() { SkipValidation = true }))
        {
            WriteSorted(document.RootElement, writer);
        }

        return Encoding.UTF8.GetString(sorted.ToArray());
    }

    /// <summary>Puts out a result. The items of an array come one by one where they may have come so.</summary>
    public static void Write(string json, Cmdlet command)
    {
        if (json.Length > 0)
        {
            var value = Read(json);
            // one item alone was the block's own array: one object is no array
            command.WriteObject(value, value is object[] { Length: > 1 });
        }
    }

    /// <summary>The value of a text; the text itself where it is no JSON.</summary>
    public static object Read(string json)
    {
        if (IsPlainString(json))
        {
            return json[1..^1];
        }

        if (long.TryParse(json, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number))
        {
            return number;
        }

        return json switch
        {
            "null" => null,
            "true" => true,
            "false" => false,
            _ => Objects(json),
        };
    }

    /// <summary>The state of a question, which a block changes in place.</summary>
    public static Hashtable State(string json)
    {
        var state = new Hashtable(StringComparer.OrdinalIgnoreCase);
        if (json.Length > 0 && Read(json) is PSObject { BaseObject: PSCustomObject } members)
        {
            foreach (var member in members.Properties)
            {
                state[member.Name] = member.Value;
            }
        }

        return state;
    }

    private static void WriteSorted(JsonElement element, Utf8JsonWriter writer)
    {
        if (element.ValueKind == JsonValueKind.Object)
        {
            writer.WriteStartObject();
            foreach (var member in element.EnumerateObject().OrderBy(member => member.Name, StringComparer.Ordinal))
            {
                writer.WritePropertyName(member.Name);
                WriteSorted(member.Value, writer);
            }

            writer.WriteEndObject();
        }
        else if (element.ValueKind == JsonValueKind.Array)
        {
            writer.WriteStartArray();
            foreach (var item in element.EnumerateArray())
            {
                WriteSorted(item, writer);
            }

            writer.WriteEndArray();
        }
        else
        {
            writer.WriteRawValue(element.GetRawText(), true);
        }
    }

    // one that is no date, and has nothing to be unescaped: most need no more than this
    private static bool IsPlainString(string json)
    {
        var inside = json.AsSpan(Math.Min(json.Length, 1));
        return json.Length > 1 && json[0] == '"' && inside.IndexOf('"') == inside.Length - 1
            && !char.IsAsciiDigit(inside[0]) && inside[0] != '/' && inside.IndexOfAny('\\', '\n', '\r') < 0;
    }

    // not inlined: few results need the assembly
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static object Objects(string json)
    {
        try
        {
            var value = JsonObject.ConvertFromJson(json, out var error);
            // keys that an object cannot have, as those that differ in case alone
            return error == null ? value : JsonObject.ConvertFromJson(json, true, out error);
        }
        catch (ArgumentException)
        {
            return json;
        }
    }
}

/// <summary>Takes a duration: a <c>TimeSpan</c>, a number of seconds, or a text such as <c>90s</c>, <c>15m</c> or
/// <c>3d</c>.</summary>
public sealed class DurationAttribute : ArgumentTransformationAttribute
{
    private const string Units = "smhdw";
    private static readonly double[] Seconds = { 1, 60, 3600, 86400, 604800 };

    public override object Transform(EngineIntrinsics engineIntrinsics, object inputData)
    {
        var value = Answer.Base(inputData);
        try
        {
            // PowerShell takes `3d` for a number, and keeps the text
            return value as TimeSpan? ?? Parse(inputData.ToString().Trim())
                ?? TimeSpan.FromSeconds(Convert.ToDouble(value, CultureInfo.InvariantCulture));
        }
        catch (Exception error) when (error is FormatException or InvalidCastException or OverflowException)
        {
            throw new ArgumentTransformationMetadataException(
                $"`{value}` is no duration: 90s, 15m, 12h, 3d, 2w, a number of seconds and a TimeSpan are");
        }
    }

    // null where it is no such text
    private static TimeSpan? Parse(string text)
    {
        if (text.Contains(':'))
        {
            return TimeSpan.Parse(text, CultureInfo.InvariantCulture);
        }

        var unit = text.Length == 0 ? -1 : Units.IndexOf(text[^1]);
        var number = unit < 0 ? text : text[..^1];
        return double.TryParse(number, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var count)
            ? TimeSpan.FromSeconds(count * (unit < 0 ? 1 : Seconds[unit]))
            : null;
    }
}
