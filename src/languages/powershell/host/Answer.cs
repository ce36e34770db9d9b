namespace LambdaScriptRuntime
{
    /// <summary>The output of a handler as its answer.</summary>
    internal static class Answer
    {
        /// <summary>The largest answer that Lambda takes where answers are not streamed.</summary>
        public const int LargestBuffered = 6 * 1024 * 1024;

        /// <summary>The same where answers are streamed.</summary>
        public const int LargestStreamed = 200 * 1024 * 1024;

        private const string FormatTypes = "Microsoft.PowerShell.Commands.Internal.Format.";

        /// <summary>The answer of <c>Module.Function</c> and of scripts: text if all of it is text, else JSON.</summary>
        public static string OfPipeline(List<object> output, Formatter formatter)
            => IsText(output) ? Text(output, formatter) : Json(output);

        /// <summary>The answer of the forms with colons: one string as it is, else JSON.</summary>
        public static string OfValue(List<object> output, Formatter formatter)
        {
            if (output.Count == 1 && Base(output[0]) is string text)
            {
                return text;
            }

            return output.Exists(IsFormat) ? Text(output, formatter) : Json(output);
        }

        private static bool IsText(List<object> output)
        {
            var isText = true;
            foreach (var item in output)
            {
                // a formatted table is no JSON, whatever stands beside it
                if (IsFormat(item))
                {
                    return true;
                }

                isText = isText && (Base(item) is null or string || IsRecord(item));
            }

            return isText;
        }

        private static string Json(List<object> output)
        {
            if (output.Count == 0 || (output.Count == 1 && Base(output[0]) == null))
            {
                return string.Empty;
            }

            for (var index = 0; index < output.Count; index++)
            {
                var item = output[index];
                output[index] = IsRecord(item) ? Base(item).ToString() : item;
            }

            return JsonWriter.Write(output.Count == 1 ? output[0] : output);
        }

        // as Out-String gives it, which leaves $null out
        private static string Text(List<object> output, Formatter formatter)
        {
            var text = new StringBuilder();
            var others = new List<object>();
            foreach (var item in output)
            {
                if (Base(item) is string line)
                {
                    text.Append(formatter.TakeText(others)).Append(line).Append('\n');
                }
                else if (item != null)
                {
                    others.Add(item);
                }
            }

            return text.Append(formatter.TakeText(others)).ToString();
        }

        // a record of another stream that the handler has merged into its output
        internal static bool IsRecord(object item)
            => Base(item) is ErrorRecord or InformationalRecord or InformationRecord;

        // output of Format-Table and its like
        internal static bool IsFormat(object item)
        {
            return Base(item) is { } value && value.GetType().FullName.StartsWith(FormatTypes, System.StringComparison.Ordinal);
        }

        internal static object Base(object item) => item is PSObject wrapped ? wrapped.BaseObject : item;
    }
}
