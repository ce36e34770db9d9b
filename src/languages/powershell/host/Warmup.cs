namespace LambdaScriptRuntime
{
    using System;
    using System.Collections;
    using System.Collections.Generic;
    using System.Management.Automation;
    using System.Management.Automation.Runspaces;
    using System.Threading;

    /// <summary>
    /// Calls a handler in a session that has nothing in it, on a second processor, while the real one is being opened:
    /// what PowerShell sets up at the first call is there when it is needed. Nothing depends on it.
    /// </summary>
    internal static class Warmup
    {
        /// <summary>Begins, and returns at once.</summary>
        /// <param name="opened">Set once that session is open: opening one sets <c>PSModulePath</c>.</param>
        /// <returns>What to join before the user's file is loaded, which shall see one session alone.</returns>
        public static Thread Begin(ManualResetEventSlim opened)
        {
            var thread = new Thread(() => Run(opened)) { IsBackground = true };
            thread.Start();
            return thread;
        }

        private static void Run(ManualResetEventSlim opened)
        {
            try
            {
                Call(opened);
            }
            catch (Exception)
            {
                // the real session meets the same error, and reports it
            }
            finally
            {
                opened.Set();
            }
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
    }
}
