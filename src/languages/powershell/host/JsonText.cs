namespace LambdaScriptRuntime
{
    using System.Text.Encodings.Web;
    using System.Text.Json;
    using System.Text.Json.Nodes;

    /// <summary>Strings as JSON, escaped as <c>ConvertTo-Json</c> does it.</summary>
    internal static class JsonText
    {
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

        /// <summary>The text of an object that is JSON by itself.</summary>
        public static bool TryOfNode(object value, out string text)
        {
            text = value switch
            {
                JsonNode node => Compact(writer => node.WriteTo(writer)),
                JsonElement { ValueKind: not JsonValueKind.Undefined } element => Compact(element.WriteTo),
                JsonDocument document => Compact(document.WriteTo),
                _ => value.GetType().Namespace == "Newtonsoft.Json.Linq" ? OfToken(value) : null,
            };
            return text != null;
        }

        // the text that it was read from may have spaces and line ends
        private static string Compact(Action<Utf8JsonWriter> write)
        {
            using var buffer = new MemoryStream();
            var options = new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
            using (var writer = new Utf8JsonWriter(buffer, options))
            {
                write(writer);
            }

            return Encoding.UTF8.GetString(buffer.ToArray());
        }

        // not inlined: few answers need the assembly
        [System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.NoInlining)]
        private static string OfToken(object value)
        {
            // a pipeline takes an object apart into its properties
            var token = value is Newtonsoft.Json.Linq.JProperty property
                ? new Newtonsoft.Json.Linq.JObject(property)
                : value as Newtonsoft.Json.Linq.JToken;
            return token?.ToString(Newtonsoft.Json.Formatting.None);
        }

        private static string Escape(char character)
        {
            switch (character)
            {
                case '"':
                    return "\\\"";
                case '\\':
                    return "\\\\";
                case '\n':
                    return "\\n";
                case '\r':
                    return "\\r";
                case '\t':
                    return "\\t";
                case '\b':
                    return "\\b";
                case '\f':
                    return "\\f";
                case '\u0085':
                case '\u2028':
                case '\u2029':
                    return "\\u" + ((int)character).ToString("x4", CultureInfo.InvariantCulture);
                default:
                    return character >= ' '
                        ? null
                        : "\\u" + ((int)character).ToString("x4", CultureInfo.InvariantCulture);
            }
        }
    }
}
