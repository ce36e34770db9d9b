namespace LambdaScriptRuntime
{
    /// <summary>The arguments that the bootstrap passes behind the <c>-Command</c> of <c>pwsh</c>.</summary>
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
