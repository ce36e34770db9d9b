namespace LambdaScriptRuntime
{
    using System;
    using System.Collections;
    using System.Collections.Generic;
    using System.Management.Automation;
    using System.Management.Automation.Language;
    using System.Management.Automation.Runspaces;
    using System.Reflection;
    using System.Runtime.CompilerServices;
    using System.Threading;

    /// <summary>
    /// Does on a second processor what the start needs anyway, a moment before it needs it. Nothing depends on it.
    /// </summary>
    internal static class Warmup
    {
        /// <summary>What PowerShell takes long to initialize, by names that other versions may not have.</summary>
        private static readonly string[] Engine =
        {
            "System.Management.Automation.Language.Compiler",
            "System.Management.Automation.Language.CachedReflectionInfo",
            "System.Management.Automation.Language.ExpressionCache",
            "System.Management.Automation.TypeAccelerators",
        };

        private static readonly string[] Modules =
        {
            "Microsoft.PowerShell.Commands.Utility", "Microsoft.PowerShell.Commands.Management",
        };

        /// <summary>Begins, and returns at once.</summary>
        public static void Begin()
        {
            Start(InitializeEngine);
            Start(LoadModules);
        }

        /// <summary>
        /// Calls a handler in a session of its own that has nothing in it, while the real one is being opened.
        /// </summary>
        /// <param name="opened">Set once that session is open: opening one sets <c>PSModulePath</c>.</param>
        /// <returns>What to join before the user's file is loaded, which shall see one session alone.</returns>
        public static Thread Rehearse(ManualResetEventSlim opened)
        {
            return Start(() =>
            {
                try
                {
                    Call(opened);
                }
                finally
                {
                    opened.Set();
                }
            });
        }

        private static void Call(ManualResetEventSlim opened)
        {
            var state = InitialSessionState.Create();
            state.LanguageMode = PSLanguageMode.FullLanguage;
            state.Commands.Add(new SessionStateFunctionEntry("f", "param($Data, $Context) $Data"));
            var log = new Log(false);
            var host = new LambdaHost(log);
            using var runspace = RunspaceFactory.CreateRunspace(host, state);
            runspace.ThreadOptions = PSThreadOptions.UseCurrentThread;
            runspace.Open();
            opened.Set();
            Runspace.DefaultRunspace = runspace;
            var function = runspace.SessionStateProxy.InvokeCommand.GetCommand("f", CommandTypes.Function);
            var invocation = new Invocation(runspace, host, new ErrorLog(log, null, false));
            var output = new List<object>();
            new Handler(function, false).Run(invocation, string.Empty, LambdaContext.Wrap(new Hashtable()), output);
        }

        private static Thread Start(Action action)
        {
            void Run()
            {
                try
                {
                    action();
                }
                catch (Exception)
                {
                    // whoever needs it meets the same error, and reports it
                }
            }

            var thread = new Thread(Run) { IsBackground = true };
            thread.Start();
            return thread;
        }

        private static void InitializeEngine()
        {
            var assembly = typeof(PSObject).Assembly;
            foreach (var name in Engine)
            {
                if (assembly.GetType(name) is { } type)
                {
                    RuntimeHelpers.RunClassConstructor(type.TypeHandle);
                }
            }

            LanguagePrimitives.GetEnumerator(null);
            Parser.ParseInput("param($a) & $args[0] -b $a.c", out _, out _);
        }

        private static void LoadModules()
        {
            foreach (var name in Modules)
            {
                foreach (var type in Assembly.Load(name).GetExportedTypes())
                {
                    if (type.IsSubclassOf(typeof(Cmdlet)))
                    {
                        type.GetCustomAttributes(false);
                    }
                }
            }

            foreach (var type in typeof(Warmup).Assembly.GetTypes())
            {
                Compile(type);
            }
        }

        private static void Compile(Type type)
        {
            const BindingFlags All = BindingFlags.DeclaredOnly | BindingFlags.Instance | BindingFlags.Static
                | BindingFlags.Public | BindingFlags.NonPublic;
            foreach (var method in type.GetMethods(All))
            {
                if (!method.IsAbstract && !method.ContainsGenericParameters)
                {
                    RuntimeHelpers.PrepareMethod(method.MethodHandle);
                }
            }
        }
    }
}
