namespace LambdaScriptRuntime
{
    /// <summary>Errors as the caller gets them: one JSON object.</summary>
    internal static class Failures
    {
        private const int LongestMessage = 65536;
        /// <summary>The error of an event.</summary>
        /// <param name="error">What was thrown.</param>
        /// <param name="context">The event's context, or the environment.</param>
        /// <param name="hasColons">Whether the handler is of a form with colons: the context is shown with
        /// <c>Debug=true</c> alone, and a thrown word is the error's type.</param>
        public static string OfEvent(Exception error, IDictionary context, bool hasColons)
        {
            var record = Record(error);
            var (type, message) = ThrownValue.Describe(record, hasColons);
            var failure = new OrderedDictionary
            {
                ["errorType"] = type,
                ["errorMessage"] = message.Length > LongestMessage ? message.Substring(0, LongestMessage) : message,
                ["stackTrace"] = Stack(record),
            };
            var isDebug = string.Equals(context["Debug"] as string, "true", StringComparison.OrdinalIgnoreCase);
            if (isDebug)
            {
                failure["errorRecord"] = Details(record);
                failure["context"] = FailureContext.Whole(context);
            }
            else if (!hasColons)
            {
                failure["context"] = FailureContext.Part(context);
            }

            return JsonWriter.Write(failure);
        }

        /// <summary>The error of a file that cannot be loaded: PowerShell's own text, with the file and the line.</summary>
        public static string OfLoading(Exception error)
        {
            var record = Record(error);
            var exception = record.Exception;
            if (exception is ActionPreferenceStopException stop)
            {
                exception = stop.ErrorRecord.Exception;
            }

            var parse = exception as ParseException ?? exception.InnerException as ParseException;
            var failure = new OrderedDictionary
            {
                ["errorType"] = (exception as HandlerException)?.Type ?? "Runtime.HandlerLoadFailed",
                ["errorMessage"] = parse?.Errors is { Length: > 0 } errors ? Problems(errors) : Located(record, exception),
                ["stackTrace"] = Stack(record),
            };
            return JsonWriter.Write(failure);
        }

        /// <summary>The error of a file that has ended the session while it was loaded.</summary>
        public static string OfExit(string place, int status)
        {
            var code = status.ToString(CultureInfo.InvariantCulture);
            return OfLoading(new RuntimeException($"`{place}` runs `exit {code}` while it is loaded"));
        }

        /// <summary>The record of an error, which holds the error itself.</summary>
        public static ErrorRecord Record(Exception error)
        {
            return error is IContainsErrorRecord { ErrorRecord: { } record }
                ? new ErrorRecord(record, error)
                : new ErrorRecord(error, error.GetType().Name, ErrorCategory.NotSpecified, null);
        }

        /// <summary>The lines of the stack, innermost first, without our own frames, which have called the handler.</summary>
        public static object[] Stack(ErrorRecord record)
        {
            var lines = new List<object>(record.ScriptStackTrace?.Split('\n', StringSplitOptions.RemoveEmptyEntries) ?? new string[0]);
            while (lines.Count > 0 && ((string)lines[lines.Count - 1]).Contains(", <No file>: "))
            {
                lines.RemoveAt(lines.Count - 1);
            }

            return lines.ToArray();
        }

        private static string Problems(System.Management.Automation.Language.ParseError[] errors)
        {
            var lines = Array.ConvertAll(
                errors,
                error => At(error.Extent.File, error.Extent.StartLineNumber, error.Message));
            return string.Join("\n", lines);
        }

        private static string Located(ErrorRecord record, Exception exception)
        {
            var where = record.InvocationInfo;
            if (!string.IsNullOrEmpty(where?.ScriptName))
            {
                return At(where.ScriptName, where.ScriptLineNumber, exception.Message);
            }

            // `at NAME, FILE: line NUMBER`
            foreach (string line in Stack(record))
            {
                var begin = line.IndexOf(", ", StringComparison.Ordinal) + 2;
                var end = line.LastIndexOf(": line ", StringComparison.Ordinal);
                if (begin > 1 && end > begin && line[begin] == '/')
                {
                    return line.Substring(begin) + ": " + exception.Message;
                }
            }

            return exception.Message;
        }

        private static string At(string file, int line, string message)
            => string.Format(CultureInfo.InvariantCulture, "{0}: line {1}: {2}", file, line, message);

        private static OrderedDictionary Details(ErrorRecord record)
        {
            return new OrderedDictionary
            {
                ["targetObject"] = record.TargetObject?.ToString(),
                ["fullyQualifiedErrorId"] = record.FullyQualifiedErrorId,
                ["errorDetails"] = record.ErrorDetails?.ToString(),
                ["source"] = record.Exception.Source,
                ["targetSite"] = record.Exception.TargetSite?.ToString(),
                ["scriptStackTrace"] = Stack(record),
                ["stackTrace"] = record.Exception.StackTrace,
            };
        }
    }
}
