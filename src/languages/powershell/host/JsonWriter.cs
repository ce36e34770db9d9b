namespace LambdaScriptRuntime;

/// <summary>
/// Writes a value like <c>ConvertTo-Json -Compress</c>, with all its levels. It has limits: a value that contains
/// itself, or has no end, is an error that names the part.
/// </summary>
internal sealed class JsonWriter(int longest)
{
    private const int Depth = 100;

    /// <summary>How long, in milliseconds, an enumeration of unknown length may take once it has many items.</summary>
    private const int LongestEnumeration = 1000;
    private const int ManyItems = 10000;

    /// <summary>How many parts of a path an error names.</summary>
    private const int ShownParts = 8;

    private readonly StringBuilder json = new();
    private readonly List<object> path = new();

    /// <summary>The value as JSON.</summary>
    /// <param name="value">The value.</param>
    /// <param name="longest">The number of characters from which on the value is too large.</param>
    public static string Write(object value, int longest = 2 * Answer.LargestBuffered)
    {
        var writer = new JsonWriter(longest);
        writer.Append(value);
        return writer.json.ToString();
    }

    private void Append(object value)
    {
        var wrapped = value as PSObject;
        var inner = wrapped == null ? value : wrapped.BaseObject;
        if (inner is null or DBNull || value == AutomationNull.Value || inner == NullString.Value)
        {
            json.Append("null");
        }
        else if (inner is string text)
        {
            JsonText.Append(json, text);
        }
        else if (inner is IDictionary members)
        {
            AppendObject(With(AddedTo(wrapped), EntriesOf(members)));
        }
        else if (inner is PSCustomObject)
        {
            AppendObject(JsonMembers.OfRecord(wrapped));
        }
        else if (inner is ValueType or IList && AddedTo(wrapped) is { Length: > 0 } added)
        {
            AppendObject(With(added, [new("value", inner)]));
        }
        else if ((Scalar(inner) ?? JsonText.OfNode(inner)) is { } whole)
        {
            json.Append(whole);
        }
        else if (inner is not IEnumerable items)
        {
            AppendObject(JsonMembers.OfObject(inner, wrapped));
        }
        else if (wrapped != null && inner is not IList && JsonMembers.Extended(wrapped) is { Length: > 0 } extended)
        {
            AppendObject(With(extended, [new("value", inner)]));
        }
        else
        {
            AppendItems(items, inner is not IList);
        }
    }

    // otherwise an array with added properties would be an object
    private static Member[] AddedTo(PSObject wrapped)
        => wrapped == null || wrapped.BaseObject is DateTime ? [] : JsonMembers.Added(wrapped);

    private static IEnumerable<Member> With(Member[] added, IEnumerable<Member> members)
        => added.Length == 0 ? members : members.UnionBy(added, member => member.Key);

    private IEnumerable<Member> EntriesOf(IDictionary members)
    {
        foreach (DictionaryEntry member in members)
        {
            yield return member.Key is string name
                ? new(name, member.Value)
                : throw Error("has a key that is no string");
        }
    }

    // null if it is no scalar
    private static string Scalar(object value) => value switch
    {
        bool truth => truth ? "true" : "false",
        int or long or byte or short or uint or ushort or sbyte or ulong =>
            ((IFormattable)value).ToString(null, CultureInfo.InvariantCulture),
        double number when double.IsFinite(number) => Number(number),
        Enum or char or float or double or decimal or DateTime or DateTimeOffset or Guid or Uri => Convert(value),
        _ => value.GetType().IsPrimitive ? Convert(value) : LargeNumber(value),
    };

    // not inlined: few answers need the assembly
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static string Convert(object value)
        => JsonObject.ConvertToJson(value, new JsonObject.ConvertToJsonContext(Depth, false, true));

    // not inlined: few answers need the assembly. PowerShell 7.4 writes such a number as an object
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static string LargeNumber(object value)
        => (value as System.Numerics.BigInteger?)?.ToString(CultureInfo.InvariantCulture);

    private static string Number(double number)
    {
        var text = number.ToString("R", CultureInfo.InvariantCulture);
        return text.AsSpan().IndexOfAny('.', 'E', 'e') < 0 ? text + ".0" : text;
    }

    private void AppendObject(IEnumerable<Member> members)
    {
        json.Append('{');
        var begin = json.Length;
        foreach (var member in members)
        {
            json.Append(json.Length > begin ? "," : string.Empty);
            JsonText.Append(json, member.Key);
            json.Append(':');
            AppendPart(member.Key, member.Value);
        }

        json.Append('}');
    }

    private void AppendItems(IEnumerable items, bool mayBeEndless)
    {
        json.Append('[');
        var index = 0;
        var begin = Environment.TickCount64;
        foreach (var item in items)
        {
            json.Append(index > 0 ? "," : string.Empty);
            AppendPart(index++, item);
            if (mayBeEndless && index > ManyItems && Environment.TickCount64 - begin > LongestEnumeration)
            {
                throw Error($"has more than {ManyItems} items, and no end within {LongestEnumeration} ms");
            }
        }

        json.Append(']');
    }

    private void AppendPart(object name, object value)
    {
        path.Add(name);
        if (json.Length > longest)
        {
            throw Error($"has no end or is larger than {longest / 1024 / 1024} MiB");
        }

        if (path.Count > Depth && value is not (null or string or ValueType))
        {
            throw Error($"leads back to itself or is deeper than {Depth} levels");
        }

        Append(value);
        path.RemoveAt(path.Count - 1);
    }

    private RuntimeException Error(string problem)
    {
        var shown = string.Join(".", path.GetRange(0, Math.Min(path.Count, ShownParts)));
        var part = path.Count == 0 ? "it" : $"its part '.{shown}'";
        return new RuntimeException(
            $"the answer is no JSON: {part} {problem}; choose what to answer with Select-Object");
    }
}
