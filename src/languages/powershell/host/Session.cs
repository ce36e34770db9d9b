namespace LambdaScriptRuntime
{
    using System;
    using System.IO;
    using System.Management.Automation;
    using System.Management.Automation.Runspaces;
    using System.Threading;

    /// <summary>The runspace that handlers run in, set up as <c>pwsh</c> sets up its own.</summary>
    internal sealed class Session : IDisposable
    {
        private const string PathVariable = "PATH";
        private const string ModulePathVariable = "PSModulePath";

        /// <summary>What every session of handlers begins with.</summary>
        public Session(LambdaHost host, Arguments arguments)
        {
            PutHomeFirst();
            var state = InitialSessionState.CreateDefault2();
            state.Types.Add(LambdaContext.Type());
            state.Commands.Add(Command("Register-BeforeCheckpoint", typeof(RegisterBeforeCheckpointCommand)));
            state.Commands.Add(Command("Register-AfterRestore", typeof(RegisterAfterRestoreCommand)));
            state.Commands.Add(Command("Register-OnShutdown", typeof(RegisterOnShutdownCommand)));
            Runspace = RunspaceFactory.CreateRunspace(host, state);
            Runspace.ThreadOptions = PSThreadOptions.UseCurrentThread;
            var opened = new ManualResetEventSlim();
            Warming = Warmup.Begin(opened);
            Runspace.Open();
            opened.Wait();
            Runspace.DefaultRunspace = Runspace;
            host.Runspace = Runspace;
            Environment.SetEnvironmentVariable(
                ModulePathVariable, arguments.ModulePath + Path.PathSeparator + Home + "/Modules");
            Variables = Runspace.SessionStateProxy.PSVariable;
            Variables.Set("ErrorActionPreference", ActionPreference.Stop);
            Variables.Set("InformationPreference", ActionPreference.Continue);
            Variables.Set("ProgressPreference", ActionPreference.SilentlyContinue);
            Variables.Set("PROFILE", Profile());
            PSStyle.Instance.OutputRendering = OutputRendering.PlainText;
        }

        /// <summary>The runspace.</summary>
        public Runspace Runspace { get; }

        /// <summary>What still goes on in a session beside this one.</summary>
        public Thread Warming { get; }

        /// <summary>The variables of the global session.</summary>
        public PSVariableIntrinsics Variables { get; }

        /// <summary>The directory of PowerShell's own files.</summary>
        public static string Home { get; } = AppContext.BaseDirectory.TrimEnd('/');

        /// <inheritdoc/>
        public void Dispose()
        {
            Runspace.Dispose();
        }

        // as `pwsh` does it, so that `pwsh` starts the same one
        private static SessionStateCmdletEntry Command(string name, Type type)
        {
            return new SessionStateCmdletEntry(name, type, null);
        }

        private static void PutHomeFirst()
        {
            var path = Environment.GetEnvironmentVariable(PathVariable) ?? string.Empty;
            var first = Home + Path.PathSeparator;
            if (!path.StartsWith(first, StringComparison.Ordinal))
            {
                Environment.SetEnvironmentVariable(PathVariable, first + path);
            }
        }

        private static PSObject Profile()
        {
            const string AllHosts = "profile.ps1";
            const string ThisHost = "Microsoft.PowerShell_profile.ps1";
            var settings = Environment.GetEnvironmentVariable("XDG_CONFIG_HOME");
            if (string.IsNullOrEmpty(settings))
            {
                settings = Path.Combine(Environment.GetEnvironmentVariable("HOME") ?? "/", ".config");
            }

            var user = Path.Combine(settings, "powershell");
            var profile = new PSObject(Path.Combine(user, ThisHost));
            profile.Properties.Add(new PSNoteProperty("AllUsersAllHosts", Path.Combine(Home, AllHosts)));
            profile.Properties.Add(new PSNoteProperty("AllUsersCurrentHost", Path.Combine(Home, ThisHost)));
            profile.Properties.Add(new PSNoteProperty("CurrentUserAllHosts", Path.Combine(user, AllHosts)));
            profile.Properties.Add(new PSNoteProperty("CurrentUserCurrentHost", Path.Combine(user, ThisHost)));
            return profile;
        }
    }
}
