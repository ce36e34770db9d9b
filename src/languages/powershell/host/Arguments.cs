namespace LambdaScriptRuntime;

/// <summary>The arguments that the bootstrap passes after the <c>-Command</c> of <c>pwsh</c>.</summary>
/// <param name="all">All arguments of the process; the last twelve are those of the host.</param>
internal sealed class Arguments(string[] all)
{
    /// <summary>The path of this assembly; empty if it was compiled into memory.</summary>
    public string Host { get; } = Decode(all[^12]);

    /// <summary><c>module</c>, <c>script</c> or <c>dotsource</c>.</summary>
    public string Kind { get; } = all[^11];

    /// <summary>The file, or the name of a module.</summary>
    public string Place { get; } = Decode(all[^10]);

    /// <summary>The function; empty for a script.</summary>
    public string Function { get; } = Decode(all[^9]);

    /// <summary>Whether a single string is answered unchanged, as in the forms with colons.</summary>
    public bool AnswersValue { get; } = all[^8] == "value";

    /// <summary>Whether log records are JSON.</summary>
    public bool JsonLogs { get; } = all[^7] == "json";

    /// <summary>The directories of modules before those of PowerShell itself.</summary>
    public string ModulePath { get; } = Decode(all[^6]);

    /// <summary>Packed modules and where to unpack them, as <see cref="PackedModules"/> reads it.</summary>
    public string Packed { get; } = Decode(all[^5]);

    /// <summary>The path of the request pipe.</summary>
    public string Requests { get; } = all[^4] + "/" + all[^3];

    /// <summary>The path of the report pipe.</summary>
    public string Reports { get; } = all[^4] + "/" + all[^2];

    /// <summary>The path of the current answer's pipe; null if answers are not streamed.</summary>
    public string Answer { get; } = all[^1] == "-" ? null : all[^4] + "/" + all[^1];

    // for `-Command`, all arguments are one comment, which must have no line end; `-` is an empty argument
    private static string Decode(string argument) => argument == "-" ? string.Empty : Uri.UnescapeDataString(argument);
}
