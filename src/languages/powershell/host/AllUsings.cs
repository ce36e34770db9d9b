// By its name, this file comes first in the assembly's source: namespaces, attributes and the hook have to be here.
global using System;
global using System.Collections;
global using System.Collections.Generic;
global using System.Collections.ObjectModel;
global using System.Collections.Specialized;
global using System.Globalization;
global using System.IO;
global using System.IO.Compression;
global using System.Linq;
global using System.Management.Automation;
global using System.Management.Automation.Host;
global using System.Management.Automation.Internal;
global using System.Management.Automation.Language;
global using System.Management.Automation.Runspaces;
global using System.Reflection;
global using System.Runtime.CompilerServices;
global using System.Runtime.ExceptionServices;
global using System.Security;
global using System.Text;
global using System.Text.Json;
global using System.Threading;
global using Microsoft.PowerShell.Commands;
global using Member = System.Collections.Generic.KeyValuePair<string, object>;

// `build.ps1` inserts the mark here
[assembly: AssemblyMetadata("mark", "MARK")]

/// <summary>.NET calls the hook of this name, outside of namespaces, before <c>Main</c> of <c>pwsh</c>.</summary>
internal static class StartupHook
{
    /// <summary>Runs the host and ends the process: the console host of <c>pwsh</c> never starts.</summary>
    public static void Initialize() => LambdaScriptRuntime.Program.Run(null);
}
