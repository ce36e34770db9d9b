namespace LambdaScriptRuntime;

/// <summary>
/// The context for handlers: a hashtable, whose keys ignore case in every culture, with three additional members.
/// </summary>
public static class LambdaContext
{
    private const string TypeName = "LambdaContext";

    private static LambdaLogger logger;

    /// <summary>The time until the event's deadline; negative after the deadline.</summary>
    public static TimeSpan RemainingTime(PSObject context)
        => TimeSpan.FromMilliseconds(GetRemainingTimeInMillis(context));

    /// <summary>The same in milliseconds.</summary>
    public static double GetRemainingTimeInMillis(PSObject context)
    {
        var deadline = ((IDictionary)context.BaseObject)["lambda-runtime-deadline-ms"] as string;
        _ = double.TryParse(deadline, NumberStyles.Float, CultureInfo.InvariantCulture, out var milliseconds);
        return milliseconds - DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
    }

    /// <summary>The logger, as in AWS's own runtimes.</summary>
    public static LambdaLogger Logger(PSObject context) => logger;

    /// <summary>The members of the type, for the session.</summary>
    internal static SessionStateTypeEntry Type(Log log)
    {
        logger = new LambdaLogger(log);
        var type = new TypeData(TypeName);
        foreach (var name in new[] { nameof(RemainingTime), nameof(Logger) })
        {
            type.Members.Add(name, new CodePropertyData(name, typeof(LambdaContext).GetMethod(name)));
        }

        const string Method = nameof(GetRemainingTimeInMillis);
        type.Members.Add(Method, new CodeMethodData(Method, typeof(LambdaContext).GetMethod(Method)));
        return new SessionStateTypeEntry(type, false);
    }

    /// <summary>A new context with the environment.</summary>
    internal static Hashtable Begin()
    {
        var environment = Environment.GetEnvironmentVariables();
        var context = new Hashtable(environment.Count + 32, StringComparer.OrdinalIgnoreCase);
        foreach (DictionaryEntry variable in environment)
        {
            // names that differ only in case, such as http_proxy and HTTP_PROXY, share an entry
            context[variable.Key] = variable.Value;
        }

        context["FunctionName"] = context["AWS_LAMBDA_FUNCTION_NAME"];
        context["FunctionVersion"] = context["AWS_LAMBDA_FUNCTION_VERSION"];
        context["LogGroupName"] = context["AWS_LAMBDA_LOG_GROUP_NAME"];
        context["LogStreamName"] = context["AWS_LAMBDA_LOG_STREAM_NAME"];
        var memory = context["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] as string;
        context["MemoryLimitInMB"] =
            int.TryParse(memory, NumberStyles.Integer, CultureInfo.InvariantCulture, out var size) ? size : null;
        return context;
    }

    /// <summary>Adds the headers under the names of other runtimes.</summary>
    internal static void AddNames(Hashtable context)
    {
        context["AwsRequestId"] = context["lambda-runtime-aws-request-id"];
        context["InvokedFunctionArn"] = context["lambda-runtime-invoked-function-arn"];
        context["Identity"] = context["lambda-runtime-cognito-identity"];
        context["ClientContext"] = context["lambda-runtime-client-context"];
        context["TenantId"] = context["lambda-runtime-aws-tenant-id"];
    }

    /// <summary>The context as an object of PowerShell.</summary>
    internal static PSObject Wrap(Hashtable context)
    {
        var wrapped = new PSObject(context);
        wrapped.TypeNames.Add(TypeName);
        return wrapped;
    }
}

/// <summary>Writes to the log, like <c>$LambdaContext.Logger</c> of AWS's own runtimes.</summary>
public sealed class LambdaLogger
{
    private readonly Log log;

    internal LambdaLogger(Log log) => this.log = log;

    /// <summary>Writes text, which may be a part of a line.</summary>
    public void Log(string message) => log.Write(message);

    /// <summary>Writes a record. JSON logs show its level.</summary>
    public void Log(string level, string message) => log.WriteRecord(level.ToUpperInvariant(), string.Empty, message);

    public void LogLine(string message) => log.WriteLine(message);
    public void LogTrace(string message) => Log("TRACE", message);
    public void LogDebug(string message) => Log("DEBUG", message);
    public void LogInformation(string message) => Log("INFO", message);
    public void LogWarning(string message) => Log("WARN", message);
    public void LogError(string message) => Log("ERROR", message);
    public void LogCritical(string message) => Log("FATAL", message);
}
