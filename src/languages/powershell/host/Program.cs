namespace LambdaScriptRuntime
{
    using System;
    using System.IO;
    using System.Text;
    using System.Threading;

    /// <summary>
    /// The entry of the host. The bootstrap starts <c>pwsh</c> with this assembly as a startup hook, and with a
    /// <c>-Command</c> that calls <see cref="Enter"/> where .NET runs no startup hooks.
    /// </summary>
    public static class Program
    {
        private const string HooksVariable = "DOTNET_STARTUP_HOOKS";

        /// <summary>Runs the host out of a <c>pwsh</c> whose own host has started already.</summary>
        /// <param name="reason">Why it came to this, for the log.</param>
        public static void Enter(string reason)
        {
            // a thread that no runspace belongs to, and with the stack of a main thread
            var thread = new Thread(() => Run(reason), 8 * 1024 * 1024);
            thread.Start();
            thread.Join();
        }

        internal static void RunHook()
        {
            Run(null);
        }

        private static void Run(string reason)
        {
            var arguments = Arguments.Read(Environment.GetCommandLineArgs());
            RestoreHooks(arguments.Host);
            using var pipes = new Pipes(arguments.Requests, arguments.Reports, arguments.Answer);
            try
            {
                RunWorker(arguments, pipes, reason);
            }
            catch (Exception error) when (IsUnfit(error))
            {
                // JSON by hand: nothing of PowerShell can be used
                var message = "the PowerShell host `" + arguments.Host + "` does not fit this PowerShell ("
                    + error.Message + "): compile it with this one, as `make powershell-host` does";
                var text = JsonText.Quote(message);
                pipes.Send("failure", "{\"errorType\":\"Runtime.InvalidConfiguration\",\"errorMessage\":" + text + "}");
            }

            Environment.Exit(0);
        }

        // not inlined into its caller, which would be compiled with the types of PowerShell then
        [System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.NoInlining)]
        private static void RunWorker(Arguments arguments, Pipes pipes, string reason)
        {
            new Worker(arguments, pipes).Run(reason);
        }

        private static bool IsUnfit(Exception error)
        {
            return error is FileLoadException or FileNotFoundException or TypeLoadException
                or MissingMethodException or MissingFieldException;
        }

        // children see what they would see without us
        private static void RestoreHooks(string host)
        {
            var hooks = Environment.GetEnvironmentVariable(HooksVariable);
            if (hooks == null || !hooks.EndsWith(host, StringComparison.Ordinal))
            {
                return;
            }

            var own = hooks.Substring(0, hooks.Length - host.Length).TrimEnd(Path.PathSeparator);
            Environment.SetEnvironmentVariable(HooksVariable, own.Length == 0 ? null : own);
        }
    }

    /// <summary>What the bootstrap says on the command line, behind the <c>-Command</c> of <c>pwsh</c>.</summary>
    internal sealed class Arguments
    {
        private const int Count = 12;

        /// <summary>The path of this assembly; empty where it was compiled into memory.</summary>
        public string Host { get; private set; }

        /// <summary><c>module</c>, <c>script</c> or <c>dotsource</c>.</summary>
        public string Kind { get; private set; }

        /// <summary>The file, or the name of a module.</summary>
        public string Place { get; private set; }

        /// <summary>The function; empty for a script.</summary>
        public string Function { get; private set; }

        /// <summary>Whether one string is answered as it is: the rule of the forms with colons.</summary>
        public bool AnswersValue { get; private set; }

        /// <summary>Whether log records are JSON.</summary>
        public bool JsonLogs { get; private set; }

        /// <summary>Where modules are looked for before those that ship with PowerShell.</summary>
        public string ModulePath { get; private set; }

        /// <summary>Packed modules and where to unpack them, as <see cref="PackedModules"/> reads it.</summary>
        public string Packed { get; private set; }

        /// <summary>The path of the request pipe.</summary>
        public string Requests { get; private set; }

        /// <summary>The path of the report pipe.</summary>
        public string Reports { get; private set; }

        /// <summary>The path of the pipe of each answer in turn; null where they are not streamed.</summary>
        public string Answer { get; private set; }

        /// <summary>Reads the last of the process's arguments.</summary>
        public static Arguments Read(string[] all)
        {
            var first = all.Length - Count;
            var descriptors = all[first + 8] + "/";
            return new Arguments
            {
                Host = Decode(all[first]),
                Kind = all[first + 1],
                Place = Decode(all[first + 2]),
                Function = Decode(all[first + 3]),
                AnswersValue = all[first + 4] == "value",
                JsonLogs = all[first + 5] == "json",
                ModulePath = Decode(all[first + 6]),
                Packed = Decode(all[first + 7]),
                Requests = descriptors + all[first + 9],
                Reports = descriptors + all[first + 10],
                Answer = all[first + 11] == "-" ? null : descriptors + all[first + 11],
            };
        }

        // to `-Command`, all of them are one comment, which a line's end would end; `-` stands for nothing
        private static string Decode(string argument)
        {
            if (argument == "-")
            {
                return string.Empty;
            }

            return argument.IndexOf('%') < 0 ? argument : Uri.UnescapeDataString(argument);
        }
    }
}
