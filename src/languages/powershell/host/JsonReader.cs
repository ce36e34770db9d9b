namespace LambdaScriptRuntime
{
    using System.Numerics;
    using System.Text.Json;

    /// <summary>
    /// Reads an event as <c>ConvertFrom-Json -AsHashtable</c> does, but that keys ignore case (the last one stays)
    /// and dates are text.
    /// </summary>
    internal static class JsonReader
    {
        private const int Depth = 1024;

        /// <summary>Reads the event; false where it is no JSON.</summary>
        public static bool TryRead(Request request, out object value)
        {
            value = null;
            try
            {
                var reader = new Utf8JsonReader(request.Bytes, new JsonReaderOptions { MaxDepth = Depth });
                if (reader.Read())
                {
                    value = Read(ref reader);
                    // nothing may follow
                    return !reader.Read();
                }
            }
            catch (Exception error) when (error is JsonException or InvalidOperationException)
            {
                // ConvertFrom-Json takes more than the standard allows, and surrogates that stand alone
            }

            return LenientJson.TryRead(request.Text, Depth, out value);
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
                    return Number(ref reader);
                case JsonTokenType.True:
                    return true;
                case JsonTokenType.False:
                    return false;
                default:
                    return null;
            }
        }

        private static object Number(ref Utf8JsonReader reader)
        {
            if (reader.TryGetInt64(out var whole))
            {
                return whole;
            }

            var text = Encoding.ASCII.GetString(reader.ValueSpan);
            if (text.AsSpan().IndexOfAny('.', 'e', 'E') >= 0)
            {
                return double.Parse(text, NumberStyles.Float, CultureInfo.InvariantCulture);
            }

            return BigInteger.Parse(text, NumberStyles.Integer, CultureInfo.InvariantCulture);
        }
    }
}
