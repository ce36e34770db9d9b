namespace LambdaScriptRuntime
{
    using System.Globalization;
    using System.Text;

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
