namespace LambdaScriptRuntime;

using System.Text.RegularExpressions;

/// <summary>
/// Packed modules: <c>modules.zip</c>, whose folders are modules, and packages of a gallery
/// (<c>module-nupkgs/NAME.VERSION.nupkg</c>), each of which is one module.
/// </summary>
internal static class PackedModules
{
    /// <summary>Unpacks all archives.</summary>
    /// <param name="packed">Pairs of lines: an archive, and its directory of modules.</param>
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

    // unless it is already unpacked; it appears complete or not at all
    private static void Unpack(string archive, string target)
    {
        if (Directory.Exists(target))
        {
            return;
        }

        // several processes may start at once
        var own = target + "." + Environment.ProcessId;
        var isPackage = archive.EndsWith(".nupkg", StringComparison.OrdinalIgnoreCase);
        // in `My.Module.1.2.3-beta`, the version begins with the first number
        var module = Regex.Replace(Path.GetFileNameWithoutExtension(archive), @"\.[0-9].*", string.Empty);
        var into = isPackage ? Path.Combine(own, module) : own;
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
}
