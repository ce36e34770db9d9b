namespace LambdaScriptRuntime
{
    /// <summary>A value that a handler has thrown, as type and message of its error.</summary>
    internal static class ThrownValue
    {
        /// <summary>The type and the message.</summary>
        /// <param name="record">The error.</param>
        /// <param name="takesWords">Whether a thrown word is a type: <c>throw 'AccountNotFound'</c>.</param>
        public static (string Type, string Message) Describe(ErrorRecord record, bool takesWords)
        {
            var (type, message) = (record.Exception.GetType().Name, record.ToString());
            if (record.Exception is HandlerException own)
            {
                return (own.Type, message);
            }

            if (record.Exception is DurableException ofOperation)
            {
                return (ofOperation.ErrorType, message);
            }

            if (!IsThrown(record))
            {
                return (type, message);
            }

            return Answer.Base(record.TargetObject) switch
            {
                string text => (takesWords && IsWord(text) ? text : type, message),
                // as AWS's guide on errors of PowerShell functions has it
                IDictionary table when table["Exception"] is string { Length: > 0 } named =>
                    (named, Answer.Base(table["Message"])?.ToString() ?? named),
                var value => (value.GetType().Name, Json(record.TargetObject) ?? message),
            };
        }

        // of `throw 42` PowerShell makes a RuntimeException, whose record holds the value
        private static bool IsThrown(ErrorRecord record)
        {
            return record.TargetObject != null
                && record.Exception.GetType() == typeof(RuntimeException)
                && record.CategoryInfo.Category == ErrorCategory.OperationStopped;
        }

        private static bool IsWord(string text)
        {
            return text.Length > 0 && char.IsAsciiLetter(text[0]) && Array.TrueForAll(text.ToCharArray(), char.IsAsciiLetterOrDigit);
        }

        // null where it is no JSON
        private static string Json(object value)
        {
            try
            {
                return JsonWriter.Write(value);
            }
            catch (Exception)
            {
                return null;
            }
        }
    }
}
