namespace LambdaScriptRuntime
{
    using System;
    using System.Collections;
    using System.Collections.Generic;
    using System.Globalization;
    using System.Management.Automation;
    using System.Text;

    /// <summary>
    /// Writes a value as <c>ConvertTo-Json -Compress</c> does, of full depth. What handlers mostly answer is written
    /// here; what is left is given to the cmdlet's own code.
    /// </summary>
    internal sealed class JsonWriter
    {
        private const int Depth = 100;

        /// <summary>How many parts of a path an error names.</summary>
        private const int ShownParts = 8;

        private readonly StringBuilder json = new();
        private readonly List<string> path = new();

        private JsonWriter()
        {
        }

        /// <summary>The value as JSON.</summary>
        public static string Write(object value)
        {
            var writer = new JsonWriter();
            if (writer.TryAppend(value))
            {
                return writer.json.ToString();
            }

            writer.path.Clear();
            value = Unwrap(value);
            writer.AssertFinite(value);
            return Convert(value);
        }

        // not inlined: few answers need the assembly
        [System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.NoInlining)]
        private static string Convert(object value)
        {
            var context = new Microsoft.PowerShell.Commands.JsonObject.ConvertToJsonContext(Depth, false, true);
            return Microsoft.PowerShell.Commands.JsonObject.ConvertToJson(value, in context);
        }

        /// <summary>The object in a wrapper that the pipeline has put around it; one with members of its own stays.</summary>
        public static object Unwrap(object value)
        {
            if (value is not PSObject wrapped || wrapped.BaseObject is PSCustomObject)
            {
                return value;
            }

            if (wrapped.BaseObject is string or DateTime)
            {
                return wrapped.BaseObject;
            }

            foreach (var property in wrapped.Properties)
            {
                // those of the object itself and of its type come with it
                if (property.IsInstance && property is not PSProperty)
                {
                    return value;
                }
            }

            var inner = wrapped.BaseObject;
            return inner is ValueType or IDictionary or IList ? inner : value;
        }

        // false where the cmdlet's code has to do it
        private bool TryAppend(object value)
        {
            switch (value)
            {
                case null:
                    json.Append("null");
                    return true;
                case string text:
                    JsonText.Append(json, text);
                    return true;
                case bool truth:
                    json.Append(truth ? "true" : "false");
                    return true;
                case int or long or byte or short or uint or ushort or sbyte or ulong:
                    json.Append(((IFormattable)value).ToString(null, CultureInfo.InvariantCulture));
                    return true;
                case double number:
                    return TryAppendNumber(number);
                case PSObject wrapped:
                    return wrapped.BaseObject is PSCustomObject
                        ? TryAppendProperties(wrapped)
                        : Unwrap(wrapped) is var inner && inner is not PSObject && TryAppend(inner);
                case IDictionary members:
                    return TryAppendMembers(members);
                case IList items:
                    return TryAppendItems(items);
                default:
                    return TryAppendLargeNumber(value);
            }
        }

        // not inlined: few answers need the assembly. PowerShell 7.4 writes such a number as an object
        [System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.NoInlining)]
        private bool TryAppendLargeNumber(object value)
        {
            if (value is not System.Numerics.BigInteger number)
            {
                return false;
            }

            json.Append(number.ToString(CultureInfo.InvariantCulture));
            return true;
        }

        private bool TryAppendNumber(double number)
        {
            if (double.IsNaN(number) || double.IsInfinity(number))
            {
                return false;
            }

            var text = number.ToString("R", CultureInfo.InvariantCulture);
            json.Append(text);
            if (text.AsSpan().IndexOfAny('.', 'E', 'e') < 0)
            {
                json.Append(".0");
            }

            return true;
        }

        private bool TryAppendMembers(IDictionary members)
        {
            if (members is not Hashtable && members is not System.Collections.Specialized.OrderedDictionary)
            {
                return false;
            }

            json.Append('{');
            var separator = string.Empty;
            foreach (DictionaryEntry member in members)
            {
                if (member.Key is not string name)
                {
                    return false;
                }

                json.Append(separator);
                JsonText.Append(json, name);
                json.Append(':');
                if (!TryAppendPart(name, member.Value))
                {
                    return false;
                }

                separator = ",";
            }

            json.Append('}');
            return true;
        }

        private bool TryAppendItems(IList items)
        {
            if (items is not object[] && items is not ArrayList && items is not List<object>)
            {
                return false;
            }

            json.Append('[');
            for (var index = 0; index < items.Count; index++)
            {
                if (index > 0)
                {
                    json.Append(',');
                }

                if (!TryAppendPart(index, items[index]))
                {
                    return false;
                }
            }

            json.Append(']');
            return true;
        }

        private bool TryAppendProperties(PSObject record)
        {
            json.Append('{');
            var separator = string.Empty;
            foreach (var property in record.Properties)
            {
                json.Append(separator);
                JsonText.Append(json, property.Name);
                json.Append(':');
                if (!TryAppendPart(property.Name, Value(property)))
                {
                    return false;
                }

                separator = ",";
            }

            json.Append('}');
            return true;
        }

        private bool TryAppendPart(object name, object value)
        {
            if (IsSimple(value))
            {
                return TryAppend(value);
            }

            Enter(name);
            var done = TryAppend(value);
            Leave();
            return done;
        }

        // everything that leads to itself is too deep
        private void Enter(object name)
        {
            path.Add(System.Convert.ToString(name, CultureInfo.InvariantCulture));
            if (path.Count > Depth)
            {
                var shown = string.Join(".", path.GetRange(0, ShownParts));
                throw new RuntimeException(
                    $"the answer is no JSON: its part '.{shown}' leads back to itself or is deeper than {Depth} levels; "
                    + "choose what to answer with Select-Object");
            }
        }

        private void Leave()
        {
            path.RemoveAt(path.Count - 1);
        }

        private void AssertFinite(object value)
        {
            switch (value is PSObject wrapped ? wrapped.BaseObject : value)
            {
                case IDictionary members:
                    foreach (DictionaryEntry member in members)
                    {
                        AssertFinitePart(member.Key, member.Value);
                    }

                    break;
                case ICollection items:
                    var index = 0;
                    foreach (var item in items)
                    {
                        AssertFinitePart(index++, item);
                    }

                    break;
                case var single when !IsSimple(single) && single is not IEnumerable:
                    foreach (var property in PSObject.AsPSObject(value).Properties)
                    {
                        AssertFinitePart(property.Name, Value(property));
                    }

                    break;
            }
        }

        private void AssertFinitePart(object name, object value)
        {
            if (!IsSimple(value))
            {
                Enter(name);
                AssertFinite(value);
                Leave();
            }
        }

        private static bool IsSimple(object value)
        {
            return (value is PSObject wrapped ? wrapped.BaseObject : value) is null or string or ValueType or Uri;
        }

        // a property may refuse to be read: ConvertTo-Json makes null of it
        private static object Value(PSPropertyInfo property)
        {
            try
            {
                return property.Value;
            }
            catch (Exception)
            {
                return null;
            }
        }
    }
}
