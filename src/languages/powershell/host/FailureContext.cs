namespace LambdaScriptRuntime;

/// <summary>The context of an event as its error shows it.</summary>
internal static class FailureContext
{
    private const string Hint = "The environment variable Debug=true adds the error record, all "
        + "environment variables and all headers; values of credentials stay masked.";

    private static readonly string[] Shown =
    {
        "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME", "Lambda-Runtime-Aws-Request-Id",
    };

    /// <summary>Where the log of the event is.</summary>
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

    /// <summary>All of it. The bootstrap masks the values of credentials.</summary>
    public static OrderedDictionary Whole(IDictionary context)
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
}
