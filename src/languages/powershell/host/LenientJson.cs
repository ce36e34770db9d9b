namespace LambdaScriptRuntime
{
    /// <summary>Reads JSON with the library of <c>ConvertFrom-Json</c>. Dates stay text.</summary>
    internal static class LenientJson
    {
        /// <summary>Reads a text; false where it is no JSON.</summary>
        public static bool TryRead(string text, int depth, out object value)
        {
            value = null;
            if (string.IsNullOrWhiteSpace(text))
            {
                return false;
            }

            var settings = new Newtonsoft.Json.JsonSerializerSettings
            {
                DateParseHandling = Newtonsoft.Json.DateParseHandling.None,
                MaxDepth = depth,
                // a key `$ref` is one like any other
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
                case Newtonsoft.Json.Linq.JObject members:
                    var table = new Hashtable(StringComparer.OrdinalIgnoreCase);
                    foreach (var member in members)
                    {
                        table[member.Key] = Plain(member.Value);
                    }

                    return table;
                case Newtonsoft.Json.Linq.JArray items:
                    var list = new List<object>(items.Count);
                    foreach (var item in items)
                    {
                        list.Add(Plain(item));
                    }

                    return list.ToArray();
                case Newtonsoft.Json.Linq.JValue single:
                    return single.Value;
                default:
                    return value;
            }
        }
    }
}
