namespace LambdaScriptRuntime;

using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json.Nodes;
using Newtonsoft.Json.Linq;

/// <summary>Strings as JSON, escaped as in <c>ConvertTo-Json</c>.</summary>
internal static class JsonText
{
    private static readonly SearchValues<char> Escaped = SearchValues.Create(
        "\"\\\u0085\u2028\u2029\0\u0001\u0002\u0003\u0004\u0005\u0006\a\b\t\n\v\f\r\u000e\u000f\u0010\u0011\u0012"
        + "\u0013\u0014\u0015\u0016\u0017\u0018\u0019\u001a\u001b\u001c\u001d\u001e\u001f");

    /// <summary>The string in quotes.</summary>
    public static string Quote(string text)
    {
        var json = new StringBuilder(text.Length + 2);
        Append(json, text);
        return json.ToString();
    }

    /// <summary>Appends the string in quotes.</summary>
    public static void Append(StringBuilder json, string text)
    {
        json.Append('"');
        var rest = text.AsSpan();
        for (int next; (next = rest.IndexOfAny(Escaped)) >= 0; rest = rest[(next + 1)..])
        {
            json.Append(rest[..next]).Append(Escape(rest[next]));
        }

        json.Append(rest).Append('"');
    }

    /// <summary>The text of an object that represents JSON; null for any other object.</summary>
    public static string OfNode(object value) => value switch
    {
        JsonNode or JsonElement { ValueKind: not JsonValueKind.Undefined } or JsonDocument => OfParsed(value),
        _ => value.GetType().Namespace == "Newtonsoft.Json.Linq" ? OfToken(value) : null,
    };

    // the original text may have spaces and line ends
    private static string OfParsed(object value)
    {
        var options = new JsonSerializerOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, MaxDepth = 1000 };
        return JsonSerializer.Serialize(value, options);
    }

    // not inlined: few answers need the assembly
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static string OfToken(object value)
    {
        // a pipeline splits an object into its properties
        var token = value is JProperty property ? new JObject(property) : value as JToken;
        return token?.ToString(Newtonsoft.Json.Formatting.None);
    }

    private static string Escape(char character) => character switch
    {
        '"' => "\\\"",
        '\\' => "\\\\",
        '\n' => "\\n",
        '\r' => "\\r",
        '\t' => "\\t",
        '\b' => "\\b",
        '\f' => "\\f",
        _ => $"\\u{(int)character:x4}",
    };
}
