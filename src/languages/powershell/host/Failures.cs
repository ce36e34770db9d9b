namespace LambdaScriptRuntime
{
    using System;
    using System.Collections;
    using System.Collections.Generic;
    using System.Collections.Specialized;
    using System.Globalization;
    using System.Management.Automation;
    using System.Text;

    /// <summary>Errors as the caller gets them: one JSON object.</summary>
    internal static class Failures
    {
        private const int LongestMessage = 65536;
        private const string Hint = "The environment variable Debug=true adds the error record, all "
            + "environment variables and all headers; values of credentials stay masked.";

        private static readonly string[] Shown =
        {
            "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME", "Lambda-Runtime-Aws-Request-Id",
        };

        /// <summary>The error of an event.</summary>
        /// <param name="error">What was thrown.</param>
        /// <param name="context">The event's context, or the environment.</param>
        /// <param name="showsContext">Whether the context is shown without <c>Debug=true</c>, too.</param>
        public static string OfEvent(Exception error, IDictionary context, bool showsContext)
        {
            var record = Record(error);
            var message = record.ToString();
            var failure = new OrderedDictionary
            {
                ["errorType"] = record.Exception.GetType().Name,
                ["errorMessage"] = message.Length > LongestMessage ? message.Substring(0, LongestMessage) : message,
                ["stackTrace"] = Stack(record),
            };
            var isDebug = string.Equals(context["Debug"] as string, "true", StringComparison.OrdinalIgnoreCase);
            if (isDebug)
            {
                failure["errorRecord"] = Details(record);
                failure["context"] = Whole(context);
            }
            else if (showsContext)
            {
                failure["context"] = Part(context);
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
                ["errorType"] = "Runtime.HandlerLoadFailed",
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

        private static ErrorRecord Record(Exception error)
        {
            return error is IContainsErrorRecord { ErrorRecord: { } record }
                ? new ErrorRecord(record, error)
                : new ErrorRecord(error, error.GetType().Name, ErrorCategory.NotSpecified, null);
        }

        /// <summary>The lines of the stack, innermost first, without those that have called the handler.</summary>
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
        {
            return string.Format(CultureInfo.InvariantCulture, "{0}: line {1}: {2}", file, line, message);
        }

        private static OrderedDictionary Part(IDictionary context)
        {
            var part = new OrderedDictionary();
            foreach (var name in Shown)
            {
                part[name] = context[name];
            }

            part["Debug"] = "false";
            part["Debug_Message"] = Hint;
            return part;
        }

        // bootstrap masks the values of credentials
        private static OrderedDictionary Whole(IDictionary context)
        {
            var names = new List<string>();
            foreach (var name in context.Keys)
            {
                names.Add((string)name);
            }

            names.Sort(StringComparer.OrdinalIgnoreCase);
            var whole = new OrderedDictionary();
            foreach (var name in names)
            {
                whole[Spell(name)] = context[name];
            }

            return whole;
        }

        // a header as HTTP spells it; the names of variables stay as they are
        private static string Spell(string name)
        {
            var spelled = new StringBuilder(name);
            var isHeader = name.IndexOf('-') > 0 && name == name.ToLowerInvariant();
            for (var index = 0; isHeader && index < name.Length; index++)
            {
                if (index == 0 || name[index - 1] == '-')
                {
                    spelled[index] = char.ToUpperInvariant(name[index]);
                }
            }

            return spelled.ToString();
        }

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
