namespace LambdaScriptRuntime
{
    using System.Management.Automation.Internal;

    /// <summary>
    /// Writes a value as <c>ConvertTo-Json -Compress</c> does, with all its levels. It has limits: a value that leads
    /// to itself, or has no end, is an error that names the part.
    /// </summary>
    internal sealed class JsonWriter
    {
        private const int Depth = 100;

        /// <summary>How long, in milliseconds, items of no known number may take once there are many.</summary>
        private const int LongestEnumeration = 1000;
        private const int ManyItems = 10000;

        /// <summary>How many parts of a path an error names.</summary>
        private const int ShownParts = 8;

        private readonly StringBuilder json = new();
        private readonly List<object> path = new();

        private readonly int longest;

        private JsonWriter(int longest) => this.longest = longest;

        /// <summary>The value as JSON.</summary>
        /// <param name="value">The value.</param>
        /// <param name="longest">From how many characters on it is too large, whatever follows.</param>
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
                AppendObject(EntriesOf(members), AddedTo(wrapped));
            }
            else if (inner is PSCustomObject)
            {
                AppendObject(JsonMembers.OfRecord(wrapped), null);
            }
            else if (inner is ValueType or IList && AddedTo(wrapped) is { } added)
            {
                AppendObject(JsonMembers.WithValue(inner), added);
            }
            else if (!TryAppendScalar(inner))
            {
                AppendOther(inner, wrapped);
            }
        }

        private void AppendOther(object value, PSObject wrapped)
        {
            if (JsonText.TryOfNode(value, out var text))
            {
                json.Append(text);
            }
            else if (value is not IEnumerable items)
            {
                AppendObject(JsonMembers.OfObject(value, wrapped), null);
            }
            else if (wrapped != null && value is not IList && JsonMembers.Extended(wrapped) is { Count: > 0 } extended)
            {
                AppendObject(JsonMembers.WithValue(value), extended);
            }
            else
            {
                AppendItems(items, value is not IList);
            }
        }

        // an array whose members are properties, too, would be an object
        private static List<KeyValuePair<string, object>> AddedTo(PSObject wrapped)
            => wrapped == null || wrapped.BaseObject is DateTime ? null : JsonMembers.Added(wrapped);

        private IEnumerable<KeyValuePair<string, object>> EntriesOf(IDictionary members)
        {
            foreach (DictionaryEntry member in members)
            {
                yield return member.Key is string name
                    ? new(name, member.Value)
                    : throw Error("has a key that is no string");
            }
        }

        private bool TryAppendScalar(object value)
        {
            switch (value)
            {
                case bool truth:
                    json.Append(truth ? "true" : "false");
                    return true;
                case int or long or byte or short or uint or ushort or sbyte or ulong:
                    json.Append(((IFormattable)value).ToString(null, CultureInfo.InvariantCulture));
                    return true;
                case double number when double.IsFinite(number):
                    AppendNumber(number);
                    return true;
                case Enum or char or float or double or decimal or DateTime or DateTimeOffset or Guid or Uri:
                    json.Append(Convert(value));
                    return true;
                default:
                    return value.GetType().IsPrimitive ? Append(Convert(value)) : TryAppendLargeNumber(value);
            }
        }

        private bool Append(string text)
        {
            json.Append(text);
            return true;
        }

        // not inlined: few answers need the assembly
        [System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.NoInlining)]
        private static string Convert(object value)
        {
            var context = new Microsoft.PowerShell.Commands.JsonObject.ConvertToJsonContext(Depth, false, true);
            return Microsoft.PowerShell.Commands.JsonObject.ConvertToJson(value, in context);
        }

        // not inlined: few answers need the assembly. PowerShell 7.4 writes such a number as an object
        [System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.NoInlining)]
        private bool TryAppendLargeNumber(object value)
            => value is System.Numerics.BigInteger number && Append(number.ToString(CultureInfo.InvariantCulture));

        private void AppendNumber(double number)
        {
            var text = number.ToString("R", CultureInfo.InvariantCulture);
            json.Append(text);
            if (text.AsSpan().IndexOfAny('.', 'E', 'e') < 0)
            {
                json.Append(".0");
            }
        }

        private void AppendObject(
            IEnumerable<KeyValuePair<string, object>> members, List<KeyValuePair<string, object>> added)
        {
            json.Append('{');
            var begin = json.Length;
            var names = added == null ? null : new HashSet<string>();
            foreach (var member in members)
            {
                AppendMember(member, begin);
                names?.Add(member.Key);
            }

            foreach (var member in added ?? new())
            {
                if (names.Add(member.Key))
                {
                    AppendMember(member, begin);
                }
            }

            json.Append('}');
        }

        private void AppendMember(KeyValuePair<string, object> member, int begin)
        {
            if (json.Length > begin)
            {
                json.Append(',');
            }

            JsonText.Append(json, member.Key);
            json.Append(':');
            AppendPart(member.Key, member.Value);
        }

        private void AppendItems(IEnumerable items, bool mayBeEndless)
        {
            json.Append('[');
            var index = 0;
            var begin = Environment.TickCount64;
            foreach (var item in items)
            {
                if (index > 0)
                {
                    json.Append(',');
                }

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
}
