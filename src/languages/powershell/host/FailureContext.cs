namespace LambdaScriptRuntime;

/// <summary>The context of an event in its error.</summary>
internal static class FailureContext
{
    private const string Hint = "The environment variable Debug=true adds the error record, all "
        + "environment variables and all headers; values of credentials stay masked.";

    private static readonly string[] Shown =
    {
        "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME", "Lambda-Runtime-Aws-Request-Id",
    };

    /// <summary>The log group and stream of the event, and the hint.</summary>
    public static OrderedDictionary Part(IDictionary context)
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

    /// <summary>The whole context. The bootstrap masks the values of credentials.</summary>
    public static OrderedDictionary Whole(IDictionary context)
    {
        var whole = new OrderedDictionary();
        foreach (var name in context.Keys.Cast<string>().Order(StringComparer.OrdinalIgnoreCase))
        {
            whole[Spell(name)] = context[name];
        }

        return whole;
    }

    // a header's name with capital letters; names of variables are not changed
    private static string Spell(string name)
    {
        var isHeader = name.IndexOf('-') > 0 && name == name.ToLowerInvariant();
        return isHeader ? CultureInfo.InvariantCulture.TextInfo.ToTitleCase(name) : name;
    }
}
