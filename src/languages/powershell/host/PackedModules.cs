namespace LambdaScriptRuntime;

/// <summary>
/// Modules that come packed: <c>modules.zip</c>, whose folders are modules, and packages of a gallery
/// (<c>module-nupkgs/NAME.VERSION.nupkg</c>), each of which is one.
/// </summary>
internal static class PackedModules
{
    /// <summary>Unpacks all archives.</summary>
    /// <param name="packed">Lines, in pairs: an archive, and the directory of modules that comes of it.</param>
    public static void UnpackAll(string packed)
    {
        var lines = packed.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        for (var index = 0; index + 1 < lines.Length; index += 2)
        {
            try
            {
                Unpack(lines[index], lines[index + 1]);
            }
            catch (Exception error) when (error is InvalidDataException or IOException)
            {
                throw new InvalidDataException($"`{lines[index]}` cannot be unpacked: {error.Message}", error);
            }
        }
    }

    // where it is not there yet: whole or not at all
    private static void Unpack(string archive, string target)
    {
        if (Directory.Exists(target))
        {
            return;
        }

        // several may start at once
        var own = target + "." + Environment.ProcessId;
        var isPackage = archive.EndsWith(".nupkg", StringComparison.OrdinalIgnoreCase);
        var into = isPackage ? Path.Combine(own, ModuleName(Path.GetFileNameWithoutExtension(archive))) : own;
        Directory.CreateDirectory(into);
        ZipFile.ExtractToDirectory(archive, into, true);
        try
        {
            Directory.Move(own, target);
        }
        catch (IOException) when (Directory.Exists(target))
        {
            Directory.Delete(own, true);
        }
    }

    // of `My.Module.1.2.3-beta`: the version begins with the first number
    private static string ModuleName(string name)
    {
        for (var dot = name.IndexOf('.'); dot >= 0; dot = name.IndexOf('.', dot + 1))
        {
            if (dot + 1 < name.Length && char.IsAsciiDigit(name[dot + 1]))
            {
                return name.Substring(0, dot);
            }
        }

        return name;
    }
}
