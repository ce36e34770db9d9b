namespace LambdaScriptRuntime;

using System.Text.Encodings.Web;
using System.Text.Json.Nodes;
using Newtonsoft.Json.Linq;

/// <summary>Strings as JSON, escaped as <c>ConvertTo-Json</c> does it.</summary>
internal static class JsonText
{
    private static readonly JsonSerializerOptions Relaxed = new()
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        MaxDepth = 1000,
    };

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
        var begin = 0;
        for (var index = 0; index < text.Length; index++)
        {
            var escaped = Escape(text[index]);
            if (escaped != null)
            {
                json.Append(text, begin, index - begin).Append(escaped);
                begin = index + 1;
            }
        }

        json.Append(text, begin, text.Length - begin).Append('"');
    }

    /// <summary>The text of an object that is JSON by itself; null for any other.</summary>
    public static string OfNode(object value) => value switch
    {
        JsonNode or JsonElement { ValueKind: not JsonValueKind.Undefined } or JsonDocument =>
            // the text that it was read from may have spaces and line ends
            JsonSerializer.Serialize(value, Relaxed),
        _ => value.GetType().Namespace == "Newtonsoft.Json.Linq" ? OfToken(value) : null,
    };

    // not inlined: few answers need the assembly
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static string OfToken(object value)
    {
        // a pipeline takes an object apart into its properties
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
        < ' ' or '\u0085' or '\u2028' or '\u2029' => $"\\u{(int)character:x4}",
        _ => null,
    };
}
