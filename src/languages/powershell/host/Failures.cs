namespace LambdaScriptRuntime;

/// <summary>Errors for the caller: one JSON object.</summary>
internal static class Failures
{
    private const int LongestMessage = 65536;

    /// <summary>The error of an event.</summary>
    /// <param name="error">What was thrown.</param>
    /// <param name="context">The event's context, or the environment.</param>
    /// <param name="hasColons">Whether the handler has a form with colons: the context is shown only with
    /// <c>Debug=true</c>, and a thrown word is the error's type.</param>
    public static string OfEvent(Exception error, IDictionary context, bool hasColons)
    {
        var record = Record(error);
        var (type, message) = ThrownValue.Describe(record, hasColons);
        var failure = new OrderedDictionary
        {
            ["errorType"] = type,
            ["errorMessage"] = message[..Math.Min(message.Length, LongestMessage)],
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

    /// <summary>The record of an error.</summary>
    public static ErrorRecord Record(Exception error) => error is IContainsErrorRecord { ErrorRecord: { } record }
        ? new ErrorRecord(record, error)
        : new ErrorRecord(error, error.GetType().Name, ErrorCategory.NotSpecified, null);

    /// <summary>The lines of the stack, innermost first, without the host's own frames around the handler.</summary>
    public static string[] Stack(ErrorRecord record)
    {
        var lines = record.ScriptStackTrace?.Split('\n', StringSplitOptions.RemoveEmptyEntries) ?? [];
        var last = Array.FindLastIndex(lines, line => !line.Contains(", <No file>: "));
        return lines[..(last + 1)];
    }

    private static string Problems(ParseError[] errors) => string.Join(
        "\n", errors.Select(error => At(error.Extent.File, error.Extent.StartLineNumber, error.Message)));

    private static string Located(ErrorRecord record, Exception exception)
    {
        var where = record.InvocationInfo;
        if (!string.IsNullOrEmpty(where?.ScriptName))
        {
            return At(where.ScriptName, where.ScriptLineNumber, exception.Message);
        }

        // `at NAME, FILE: line NUMBER`
        var places = Stack(record).Select(line => line.Split(", ", 2)[^1]);
        var place = places.FirstOrDefault(place => place.StartsWith('/') && place.Contains(": line "));
        return place == null ? exception.Message : place + ": " + exception.Message;
    }

    private static string At(string file, int line, string message)
        => string.Format(CultureInfo.InvariantCulture, "{0}: line {1}: {2}", file, line, message);

    private static OrderedDictionary Details(ErrorRecord record) => new()
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

/// <summary>A value that a handler has thrown, as type and message of its error.</summary>
internal static class ThrownValue
{
    /// <summary>The type and the message.</summary>
    /// <param name="record">The error.</param>
    /// <param name="takesWords">Whether a thrown word is a type: <c>throw 'AccountNotFound'</c>.</param>
    public static (string Type, string Message) Describe(ErrorRecord record, bool takesWords)
    {
        var message = record.ToString();
        var type = record.Exception switch
        {
            HandlerException own => own.Type,
            DurableException ofOperation => ofOperation.ErrorType,
            var other => other.GetType().Name,
        };
        if (!IsThrown(record))
        {
            return (type, message);
        }

        return Answer.Base(record.TargetObject) switch
        {
            string text => (takesWords && IsWord(text) ? text : type, message),
            // as in AWS's guide on errors of PowerShell functions
            IDictionary table when table["Exception"] is string { Length: > 0 } named =>
                (named, Answer.Base(table["Message"])?.ToString() ?? named),
            var value => (value.GetType().Name, Json(record.TargetObject) ?? message),
        };
    }

    // PowerShell turns `throw 42` into a RuntimeException, whose record has the value
    private static bool IsThrown(ErrorRecord record)
        => record.TargetObject != null
            && record.Exception.GetType() == typeof(RuntimeException)
            && record.CategoryInfo.Category == ErrorCategory.OperationStopped;

    private static bool IsWord(string text)
        => text.Length > 0 && char.IsAsciiLetter(text[0]) && text.All(char.IsAsciiLetterOrDigit);

    // null if it cannot be JSON
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

/// <summary>An error whose type is not the exception's own name.</summary>
internal sealed class HandlerException(string type, string message) : RuntimeException(message)
{
    /// <summary>The type for <c>errorType</c>.</summary>
    public string Type => type;
}
