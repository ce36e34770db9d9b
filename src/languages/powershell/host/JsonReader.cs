namespace LambdaScriptRuntime;

using System.Numerics;
using Newtonsoft.Json.Linq;

/// <summary>
/// Reads an event like <c>ConvertFrom-Json -AsHashtable</c>, except that keys ignore case (the last one wins) and dates
/// are text.
/// </summary>
internal static class JsonReader
{
    private const int Depth = 1024;

    /// <summary>Reads the event; false if it is no JSON.</summary>
    public static bool TryRead(Request request, out object value)
    {
        try
        {
            var reader = new Utf8JsonReader(request.Bytes, new JsonReaderOptions { MaxDepth = Depth });
            if (reader.Read())
            {
                value = Read(ref reader);
                // no more text may follow
                return !reader.Read();
            }
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            // ConvertFrom-Json accepts more than the standard, and single surrogates
        }

        return TryReadLeniently(request.Text, out value);
    }

    private static object Read(ref Utf8JsonReader reader)
    {
        switch (reader.TokenType)
        {
            case JsonTokenType.StartObject:
                var table = new Hashtable(StringComparer.OrdinalIgnoreCase);
                while (reader.Read() && reader.TokenType != JsonTokenType.EndObject)
                {
                    var name = reader.GetString();
                    reader.Read();
                    table[name] = Read(ref reader);
                }

                return table;
            case JsonTokenType.StartArray:
                var list = new List<object>();
                while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
                {
                    list.Add(Read(ref reader));
                }

                return list.ToArray();
            case JsonTokenType.String:
                return reader.GetString();
            case JsonTokenType.Number:
                return reader.TryGetInt64(out var whole) ? whole : LargeNumber(Encoding.ASCII.GetString(reader.ValueSpan));
            default:
                return reader.TokenType == JsonTokenType.Null ? null : reader.GetBoolean();
        }
    }

    private static object LargeNumber(string text)
    {
        return text.AsSpan().IndexOfAny('.', 'e', 'E') >= 0
            ? double.Parse(text, NumberStyles.Float, CultureInfo.InvariantCulture)
            : BigInteger.Parse(text, NumberStyles.Integer, CultureInfo.InvariantCulture);
    }

    // with the library of ConvertFrom-Json
    private static bool TryReadLeniently(string text, out object value)
    {
        value = null;
        if (string.IsNullOrWhiteSpace(text))
        {
            return false;
        }

        var settings = new Newtonsoft.Json.JsonSerializerSettings
        {
            DateParseHandling = Newtonsoft.Json.DateParseHandling.None,
            MaxDepth = Depth,
            // a key `$ref` has no special meaning
            MetadataPropertyHandling = Newtonsoft.Json.MetadataPropertyHandling.Ignore,
        };
        try
        {
            value = Plain(Newtonsoft.Json.JsonConvert.DeserializeObject(text, settings));
            return true;
        }
        catch (Exception error) when (error is Newtonsoft.Json.JsonException or FormatException or OverflowException)
        {
            return false;
        }
    }

    private static object Plain(object value)
    {
        switch (value)
        {
            case JObject members:
                var table = new Hashtable(StringComparer.OrdinalIgnoreCase);
                foreach (var member in members)
                {
                    table[member.Key] = Plain(member.Value);
                }

                return table;
            case JArray items:
                return items.Select(Plain).ToArray();
            default:
                return value is JValue single ? single.Value : value;
        }
    }
}
