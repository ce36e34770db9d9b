namespace LambdaScriptRuntime;

/// <summary>Results of operations: JSON in the record, and objects of <c>ConvertFrom-Json</c> for handlers.</summary>
internal static class DurableResult
{
    /// <summary>The output of a block as JSON: no output is an empty text, several objects are an array.</summary>
    public static string OfOutput(IList<PSObject> output)
    {
        var items = new List<object>(output.Count);
        foreach (var item in output)
        {
            if (Answer.IsFormat(item))
            {
                // output with a formatted table is text, never JSON
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

    /// <summary>A value that is a part of an operation's identity, as JSON with sorted keys: a hashtable has another
    /// order in each process.</summary>
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

    /// <summary>Writes a result. Items of an array are written singly if the block may have done so.</summary>
    public static void Write(string json, Cmdlet command)
    {
        if (json.Length > 0)
        {
            var value = Read(json);
            // an array with one item is the block's own array: one object would be no array
            command.WriteObject(value, value is object[] { Length: > 1 });
        }
    }

    /// <summary>The value of a text; the text itself if it is no JSON.</summary>
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

    /// <summary>The state of <c>Wait-DurableUntil</c>, which the block changes in place.</summary>
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

    // a string without escapes that is no date, as most are
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
            // an object cannot have these keys, for example keys that differ only in case
            return error == null ? value : JsonObject.ConvertFromJson(json, true, out error);
        }
        catch (ArgumentException)
        {
            return json;
        }
    }
}

/// <summary>Converts a duration: a <c>TimeSpan</c>, a number of seconds, or a text such as <c>90s</c>, <c>15m</c> or
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
            // PowerShell reads `3d` as a number, but keeps the text
            return value as TimeSpan? ?? Parse(inputData.ToString().Trim())
                ?? TimeSpan.FromSeconds(Convert.ToDouble(value, CultureInfo.InvariantCulture));
        }
        catch (Exception error) when (error is FormatException or InvalidCastException or OverflowException)
        {
            throw new ArgumentTransformationMetadataException(
                $"`{value}` is no duration: 90s, 15m, 12h, 3d, 2w, a number of seconds and a TimeSpan are");
        }
    }

    // null if it is no such text
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
