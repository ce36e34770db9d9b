namespace LambdaScriptRuntime
{
    using System.Reflection;

    /// <summary>The members that <c>ConvertTo-Json</c> writes of an object, one by one, as they are asked for.</summary>
    internal static class JsonMembers
    {
        private const BindingFlags Public = BindingFlags.Public | BindingFlags.Instance;

        /// <summary>The properties of a <c>[pscustomobject]</c>.</summary>
        public static IEnumerable<KeyValuePair<string, object>> OfRecord(PSObject record)
        {
            foreach (var property in record.Properties)
            {
                yield return new(property.Name, Value(property));
            }
        }

        /// <summary>The fields and properties of any other object, and those that PowerShell adds to it.</summary>
        public static IEnumerable<KeyValuePair<string, object>> OfObject(object value, PSObject wrapped)
        {
            var names = new HashSet<string>();
            var type = value.GetType();
            foreach (var field in type.GetFields(Public))
            {
                if (IsWritten(field) && names.Add(field.Name))
                {
                    yield return new(field.Name, Try(() => field.GetValue(value)));
                }
            }

            foreach (var property in type.GetProperties(Public))
            {
                var get = property.GetGetMethod();
                if (get != null && get.GetParameters().Length == 0 && IsWritten(property) && names.Add(property.Name))
                {
                    yield return new(property.Name, Try(() => get.Invoke(value, null)));
                }
            }

            foreach (var property in wrapped?.Properties ?? (IEnumerable<PSPropertyInfo>)new PSPropertyInfo[0])
            {
                if (names.Add(property.Name))
                {
                    yield return new(property.Name, Value(property));
                }
            }
        }

        /// <summary>An object that holds a value beside the properties that were added to it.</summary>
        public static IEnumerable<KeyValuePair<string, object>> WithValue(object value)
        {
            yield return new("value", value);
        }

        /// <summary>The properties that were added to this very object; null where there is none.</summary>
        public static List<KeyValuePair<string, object>> Added(PSObject wrapped)
        {
            List<KeyValuePair<string, object>> added = null;
            foreach (var property in wrapped.Properties)
            {
                if (property.IsInstance && property is not PSProperty)
                {
                    (added ??= new()).Add(new(property.Name, Value(property)));
                }
            }

            return added;
        }

        /// <summary>The properties that were added to this object or to its type.</summary>
        public static List<KeyValuePair<string, object>> Extended(PSObject wrapped)
        {
            var extended = new List<KeyValuePair<string, object>>();
            foreach (var property in wrapped.Properties)
            {
                if (property is not PSProperty)
                {
                    extended.Add(new(property.Name, Value(property)));
                }
            }

            return extended;
        }

        // not inlined: few answers need the assembly
        [System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.NoInlining)]
        private static bool IsWritten(MemberInfo member)
            => !member.IsDefined(typeof(Newtonsoft.Json.JsonIgnoreAttribute), true);

        private static object Value(PSPropertyInfo property)
            => property is PSNoteProperty ? property.Value : Try(() => property.Value);

        // a property may refuse to be read: ConvertTo-Json makes null of it
        private static object Try(Func<object> read)
        {
            try
            {
                return read();
            }
            catch (Exception)
            {
                return null;
            }
        }
    }
}
