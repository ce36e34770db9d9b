namespace LambdaScriptRuntime
{
    using System;
    using System.Collections;
    using System.Collections.Generic;
    using System.Globalization;
    using System.IO;
    using System.Management.Automation;
    using System.Text;

    /// <summary>Loads the handler and answers one event after the other, until the bootstrap closes the pipe.</summary>
    internal sealed class Worker
    {
        private readonly Arguments arguments;
        private readonly Pipes pipes;
        private readonly Log log;
        private readonly Formatter formatter = new();
        private readonly ErrorLog errors;
        private readonly LambdaHost host;
        private readonly string root = Environment.CurrentDirectory;
        private readonly InputVariable input = new();
        private Session session;
        private Invocation invocation;
        private Loader loader;
        private Preferences globals;
        private Preferences ofModule;
        private Hashtable nextContext;

        /// <summary>A worker on these pipes.</summary>
        public Worker(Arguments arguments, Pipes pipes)
        {
            this.arguments = arguments;
            this.pipes = pipes;
            log = new Log(arguments.JsonLogs);
            errors = new ErrorLog(log, formatter, arguments.JsonLogs);
            host = new LambdaHost(log);
        }

        /// <summary>Runs until the pipe ends.</summary>
        /// <param name="reason">Why the start was slower than it should be; null where it was not.</param>
        public void Run(string reason)
        {
            if (reason != null)
            {
                log.WriteRecord("WARN", "WARN ", reason);
            }

            using (session = new Session(host, arguments))
            {
                invocation = new Invocation(session.Runspace, host, errors);
                loader = new Loader(session, invocation, errors);
                loader.ImportOwn();
                session.Warming.Join();
                var handler = Load();
                if (handler == null)
                {
                    return;
                }

                session.Variables.Set("global:StackTrace", null);
                Keep();
                Reset();
                Rehearse(handler);
                Reset();
                if (Hooks.OnShutdown.Count > 0)
                {
                    pipes.Send("shutdown-hook", string.Empty);
                }

                pipes.Send("ready", string.Empty);
                while (pipes.TryRead(out var name, out var payload))
                {
                    if (name != "context")
                    {
                        TakeStep(name);
                    }
                    else if (Request.Read(payload, nextContext, pipes) is { } request)
                    {
                        Take(request, handler, pipes);
                    }

                    // no answer has to wait for it
                    Reset();
                }
            }
        }

        // null where it cannot be had, which has been said
        private Handler Load()
        {
            try
            {
                PackedModules.UnpackAll(arguments.Packed);
                var command = loader.Load(arguments);
                if (command != null)
                {
                    return new Handler(command, arguments.AnswersValue);
                }

                if (host.ExitStatus is { } status)
                {
                    pipes.Send("failure", Failures.OfExit(arguments.Place, status));
                }
                else
                {
                    pipes.Send("undefined", string.Join("\n", loader.Defined));
                }
            }
            catch (Exception error) when (error is not OutOfMemoryException)
            {
                pipes.Send("failure", Failures.OfLoading(error));
            }

            return null;
        }

        private void Take(Request request, Handler handler, Pipes to)
        {
            string name;
            string payload;
            try
            {
                log.RequestId = request.Context["AwsRequestId"] as string;
                log.TenantId = request.Context["TenantId"] as string;
                var data = request.Data();
                var context = LambdaContext.Wrap(request.Context);
                SetVariables(request, data, context);
                var input = handler.TakesObjects ? request.Objects(data) : data;
                (name, payload) = Run(handler, input, context, to.OpenAnswer());
            }
            catch (Exception error) when (error is not OutOfMemoryException)
            {
                log.Flush();
                name = "failure";
                payload = Failures.OfEvent(error, request.Context, !arguments.AnswersValue);
            }

            to.Send(name, payload);
        }

        // `pipe` is that of an answer which is streamed
        private (string Name, string Payload) Run(Handler handler, object input, PSObject context, Stream pipe)
        {
            if (pipe == null)
            {
                var output = new List<object>();
                var failed = handler.Run(invocation, input, context, output);
                return Ended(failed) ?? ("answer", arguments.AnswersValue
                    ? Answer.OfValue(output, formatter)
                    : Answer.OfPipeline(output, formatter));
            }

            using var answer = new StreamedAnswer(pipe, formatter);
            return Ended(handler.Run(invocation, input, context, answer)) ?? ("answer", string.Empty);
        }

        // the report of a handler that has asked for an exit status; null where it has not
        private (string Name, string Payload)? Ended(bool failed)
        {
            log.Flush();
            // `exit` ends a script, not the session; a native command's status alone is no error of the script
            var status = host.ExitStatus;
            if (status == null && failed)
            {
                status = session.Variables.GetValue("global:LASTEXITCODE") as int?;
            }

            if (status is { } code && code != 0)
            {
                return ("exited", string.Format(CultureInfo.InvariantCulture, "{0} {1}", Environment.ProcessId, code));
            }

            return null;
        }

        private void SetVariables(Request request, object data, PSObject context)
        {
            input.Hold(request, data);
            if (!ReferenceEquals(session.Variables.Get("global:LambdaInput"), input))
            {
                TrySet(() => session.Variables.Set(input));
            }

            TrySet(() => session.Variables.Set("global:LambdaContext", context));
        }

        // one that the user's file has made read-only stays as it is
        private static void TrySet(Action set)
        {
            try
            {
                set();
            }
            catch (SessionStateException)
            {
                // it is the user's own
            }
        }

        private void TakeStep(string step)
        {
            var (name, payload) = ("ready", string.Empty);
            try
            {
                Hooks.Run(step, invocation, errors);
                Keep();
            }
            catch (Exception error) when (error is not OutOfMemoryException)
            {
                name = "failure";
                payload = Failures.OfEvent(error, Environment.GetEnvironmentVariables(), !arguments.AnswersValue);
            }

            pipes.Send(name, payload);
        }

        // an event that never was, so that the first real one finds most of it compiled
        private void Rehearse(Handler handler)
        {
            const string Place = "Function:__lambda_rehearsal";
            const string Context = "AWS_LAMBDA_RUNTIME_AWS_REQUEST_ID\n\ncontent-type: application/json\n";
            const string Event = "{\"a\":{\"b\":[\"c\",{\"d\":1}]}}";
            var body = ScriptBlock.Create(handler.IsAdvanced
                ? "[CmdletBinding()] param([Parameter(ValueFromPipeline)] $Data, $Context) $Data"
                : "param($Data, $Context) $Data");
            var items = session.Runspace.SessionStateProxy.InvokeProvider.Item;
            var function = (FunctionInfo)items.Set(Place, body)[0].BaseObject;
            var request = Encoding.UTF8.GetBytes(
                $"context {Context.Length}\n{Context}event {Event.Length}\n{Event}");
            using var rehearsal = new Pipes(new MemoryStream(request), Stream.Null);
            rehearsal.TryRead(out _, out var payload);
            Take(Request.Read(payload, nextContext, rehearsal), new Handler(function, false), rehearsal);
            items.Remove(Place, false);
        }

        private void Keep()
        {
            globals = new Preferences(session.Variables, "global:");
            ofModule = loader.Module == null ? null : new Preferences(loader.Module.SessionState.PSVariable, "script:");
        }

        // the session as the last event's handler found it, but for variables of the handler's own
        private void Reset()
        {
            globals.Restore();
            ofModule?.Restore();
            var paths = session.Runspace.SessionStateProxy.Path;
            if (paths.CurrentLocation.Path != root || Environment.CurrentDirectory != root)
            {
                ReturnToRoot(paths);
            }

            ((ArrayList)session.Variables.GetValue("global:Error")).Clear();
            TrySet(() => session.Variables.Set("global:LASTEXITCODE", 0));
            nextContext = LambdaContext.Begin();
        }

        private void ReturnToRoot(PathIntrinsics paths)
        {
            try
            {
                Environment.CurrentDirectory = root;
                paths.SetLocation("FileSystem::" + WildcardPattern.Escape(root));
                paths.SetLocation(WildcardPattern.Escape(root));
            }
            catch (Exception error) when (error is IOException or RuntimeException)
            {
                log.WriteRecord("WARN", "WARNING: ", "the working directory stays: " + error.Message);
            }
        }
    }
}
