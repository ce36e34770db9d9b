namespace LambdaScriptRuntime;

/// <summary>Loads the handler and answers one event after the other, until the bootstrap closes the pipe.</summary>
internal sealed class Worker
{
    // three quarters of DOTNET_GCgen0size, after which .NET collects within an event
    private const long MostGarbage = 3 * 1024 * 1024;

    private readonly Arguments arguments;
    private readonly Pipes pipes;
    private readonly Log log;
    private readonly Formatter formatter = new();
    private readonly ErrorLog errors;
    private readonly LambdaHost host;
    private readonly InputVariable input = new();
    private Session session;
    private Invocation invocation;
    private Loader loader;
    private Baseline baseline;
    private Hashtable nextContext;
    private long allocated;

    /// <summary>A worker on these pipes.</summary>
    public Worker(Arguments arguments, Pipes pipes)
    {
        this.arguments = arguments;
        this.pipes = pipes;
        log = new Log(arguments.JsonLogs);
        errors = new ErrorLog(log, formatter);
        host = new LambdaHost(log);
        DurableEvent.TakesWords = HasColons;
    }

    private bool HasColons => arguments.AnswersValue;

    /// <summary>Runs until the pipe ends.</summary>
    /// <param name="reason">The reason of a slow start, or null.</param>
    public void Run(string reason)
    {
        if (reason != null)
        {
            log.WriteRecord("WARN", "WARN ", reason);
        }

        using (session = new Session(host, log, arguments))
        {
            invocation = new Invocation(session.Runspace, host, errors);
            loader = new Loader(session, invocation, errors);
            baseline = new Baseline(session, log);
            loader.ImportOwn();
            session.Warming.Join();
            Rehearse();
            if (Load() is not { } handler)
            {
                return;
            }

            Baseline.Try(() => session.Variables.Set("global:StackTrace", null));
            baseline.SavePreferences(loader.Module);
            RestoreSession();
            if (Hooks.HasShutdown)
            {
                pipes.Send("shutdown-hook", string.Empty);
            }

            pipes.Send("ready", string.Empty);
            while (session.IsOpen && pipes.TryRead(out var name, out var payload))
            {
                if (name != "context")
                {
                    RunHooks(name);
                }
                else if (Request.Read(payload, nextContext, pipes) is { } request)
                {
                    AnswerEvent(request, handler, pipes);
                }

                // after the answer, so that it does not wait for these
                RestoreSession();
                CollectGarbage();
            }
        }
    }

    // null after an error, which was reported
    private Handler Load()
    {
        try
        {
            PackedModules.UnpackAll(arguments.Packed);
            var command = loader.Load(arguments);
            if (command != null)
            {
                return new Handler(command, HasColons, invocation);
            }

            if (host.ExitStatus is { } status)
            {
                throw new RuntimeException($"`{arguments.Place}` runs `exit {status}` while it is loaded");
            }

            pipes.Send("undefined", string.Join("\n", loader.Defined));
        }
        catch (Exception error) when (error is not OutOfMemoryException)
        {
            pipes.Send("failure", Failures.OfLoading(error));
        }

        return null;
    }

    // answers artificial events, so that most code is compiled before the first real one
    private void Rehearse()
    {
        const string Context = "AWS_LAMBDA_RUNTIME_AWS_REQUEST_ID\n\ncontent-type: application/json\n";
        const string Event = "{\"a\":{\"b\":[\"c\",{\"d\":1}]}}";
        foreach (var text in new[] { "param($Data, $Context) $Data", "[CmdletBinding()] param($Data, $Context) $Data" })
        {
            var request = Encoding.UTF8.GetBytes($"context {Context.Length}\n{Context}event {Event.Length}\n{Event}");
            using var rehearsal = new Pipes(new MemoryStream(request), Stream.Null, null);
            rehearsal.TryRead(out _, out var payload);
            var handler = new Handler(invocation.Function("f", ScriptBlock.Create(text)), false, invocation);
            AnswerEvent(Request.Read(payload, LambdaContext.Begin(), rehearsal), handler, rehearsal);
        }

        session.Variables.Remove("global:LambdaInput");
        session.Variables.Remove("global:LambdaContext");
    }

    private void RestoreSession()
    {
        baseline.Restore();
        nextContext = LambdaContext.Begin();
    }

    // between two events, so that few events wait for it
    private void CollectGarbage()
    {
        var now = GC.GetTotalAllocatedBytes();
        if (now - allocated > MostGarbage)
        {
            GC.Collect(0);
            allocated = now;
        }
    }

    private void AnswerEvent(Request request, Handler handler, Pipes to)
    {
        try
        {
            log.RequestId = request.Context["AwsRequestId"] as string;
            log.TenantId = request.Context["TenantId"] as string;
            var data = request.Data();
            var context = LambdaContext.Wrap(request.Context);
            SetVariables(request, data, context);
            var input = handler.TakesObjects ? request.Objects(data) : data;
            var (name, payload) = RunHandler(handler, input, context, to);
            to.Send(name, payload);
        }
        catch (Exception error) when (error is not OutOfMemoryException)
        {
            log.Flush();
            to.Send("failure", Failures.OfEvent(error, request.Context, HasColons));
        }
    }

    private (string Name, string Payload) RunHandler(
        Handler handler, object data, PSObject context, Pipes to)
    {
        using var pipe = to.OpenAnswer();
        if (pipe == null)
        {
            var output = new List<object>();
            var failed = handler.Run(data, context, output);
            return ReportExit(failed) ?? ("answer", HasColons
                ? Answer.OfValue(output, formatter)
                : Answer.OfPipeline(output, formatter));
        }

        using var answer = new StreamedAnswer(pipe, formatter);
        return ReportExit(handler.Run(data, context, answer)) ?? ("answer", string.Empty);
    }

    // the report of a handler that has exited with a status; null if it has not
    private (string Name, string Payload)? ReportExit(bool failed)
    {
        log.Flush();
        // `exit` ends a script, not the session; the status of a native command is no error of the script
        var status = host.ExitStatus ?? (failed ? session.Variables.GetValue("global:LASTEXITCODE") as int? : null);
        return status is null or 0
            ? null
            : ("exited", string.Create(CultureInfo.InvariantCulture, $"{Environment.ProcessId} {status}"));
    }

    private void SetVariables(Request request, object data, PSObject context)
    {
        input.Hold(request, data);
        Baseline.Try(() =>
        {
            var current = session.Variables.Get("global:LambdaInput");
            if (current is { Attributes.Count: > 0 })
            {
                // the user's file has typed the variable
                current.Value = request.Objects(data);
            }
            else if (!ReferenceEquals(current, input))
            {
                session.Variables.Set(input);
            }
        });
        Baseline.Try(() => session.Variables.Set("global:LambdaContext", context));
    }

    private void RunHooks(string phase)
    {
        try
        {
            Hooks.Run(phase, invocation, errors);
            baseline.SavePreferences(loader.Module);
            pipes.Send("ready", string.Empty);
        }
        catch (Exception error) when (error is not OutOfMemoryException)
        {
            pipes.Send("failure", Failures.OfEvent(error, Environment.GetEnvironmentVariables(), HasColons));
        }
    }
}
