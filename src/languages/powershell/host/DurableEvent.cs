namespace LambdaScriptRuntime;

/// <summary>An event of a durable function, and its connections to the bootstrap. The first operation opens
/// one.</summary>
internal sealed class DurableEvent(string socket)
{
    private const string SocketVariable = "DURABLE_SOCKET";

    /// <summary>How long, in milliseconds, another session waits for the end of the handler's session.</summary>
    private const int StopTime = 50;

    private static DurableEvent current;
    private static PowerShell handler;
    private static Runspace session;

    private readonly Stack<DurableConnection> idle = new();
    private volatile bool isSuspended;

    /// <summary>The path of its socket.</summary>
    public string Socket => socket;

    /// <summary>Whether the handler is being suspended.</summary>
    public static bool IsSuspending => current?.isSuspended == true;

    /// <summary>Whether a thrown word is the error's type.</summary>
    public static bool TakesWords { get; set; }

    /// <summary>Whether this code runs in the handler's session, not in another one.</summary>
    public static bool IsInSession => session == null || ReferenceEquals(session, Runspace.DefaultRunspace);

    /// <summary>Whether the event is over. Code of an earlier event may still run.</summary>
    public bool IsOver => isSuspended || this != current;

    /// <summary>Records the commands that are about to run, and sets the socket and the variable for an
    /// event.</summary>
    public static void Begin(PowerShell commands, PSVariableIntrinsics variables)
    {
        (handler, session) = (commands, commands.Runspace);
        var path = Environment.GetEnvironmentVariable(SocketVariable);
        if (path == current?.Socket)
        {
            return;
        }

        current?.CloseAll();
        current = path == null ? null : new DurableEvent(path);
        DurableScope.Begin(current);
        Baseline.Try(() =>
        {
            if (current == null)
            {
                variables.Remove("global:DurableSuspending");
            }
            else
            {
                variables.Set(new DurableSuspendingVariable());
            }
        });
    }

    /// <summary>Sends a request and waits for the reply.</summary>
    /// <param name="request">The request.</param>
    /// <param name="begin">Gets the connection before the wait. Disposing it ends the wait with an error.</param>
    public DurableMessage Ask(DurableMessage request, Action<DurableConnection> begin)
    {
        DurableConnection connection;
        lock (idle)
        {
            connection = idle.Count > 0 ? idle.Pop() : null;
        }

        connection ??= new DurableConnection(socket);
        try
        {
            begin(connection);
            var reply = connection.Ask(request);
            lock (idle)
            {
                idle.Push(connection);
            }

            return reply;
        }
        catch (Exception)
        {
            connection.Dispose();
            throw;
        }
    }

    /// <summary>Records that the invocation is over, and returns the exception that unwinds the caller: it ends a
    /// pipeline, and <c>catch</c> and <c>trap</c> ignore it.</summary>
    public TerminateException Suspend()
    {
        bool isFirst;
        lock (idle)
        {
            isFirst = !IsOver;
            isSuspended = true;
        }

        if (isFirst && !IsInSession)
        {
            // the handler must not continue once another session has ended; it may be waiting for that session
            handler.BeginStop(null, null).AsyncWaitHandle.WaitOne(StopTime);
        }

        return new TerminateException();
    }

    private void CloseAll()
    {
        lock (idle)
        {
            while (idle.Count > 0)
            {
                idle.Pop().Dispose();
            }
        }
    }
}

/// <summary>The operation in which code runs. Threads that the code starts inherit it.</summary>
internal sealed class DurableScope(DurableEvent durable, DurableScope outer, string context, string step) : IDisposable
{
    private static readonly AsyncLocal<DurableScope> Innermost = new();

    private readonly List<KeyValuePair<string, string>> changed = new();

    /// <summary>The scope of this thread's code; null in an event that is not durable.</summary>
    public static DurableScope Current => Innermost.Value;

    /// <summary>The event.</summary>
    public DurableEvent Event => durable;

    /// <summary>The id of the context; empty at the top.</summary>
    public string Context => context;

    /// <summary>The name of the step; null outside of steps.</summary>
    public string Step => step;

    /// <summary>Enters an event.</summary>
    public static void Begin(DurableEvent next)
        => Innermost.Value = next == null ? null : new DurableScope(next, null, string.Empty, null);

    /// <summary>Enters the body of a context.</summary>
    public DurableScope EnterContext(string id) => Enter(new DurableScope(durable, this, id, null));

    /// <summary>Enters the body of a step. Its commands get these variables.</summary>
    public DurableScope EnterStep(string name, params (string Name, string Value)[] variables)
    {
        var scope = Enter(new DurableScope(durable, this, context, name));
        // all sessions share the environment
        foreach (var (variable, value) in DurableEvent.IsInSession ? variables : [])
        {
            scope.changed.Add(new(variable, Environment.GetEnvironmentVariable(variable)));
            Environment.SetEnvironmentVariable(variable, value);
        }

        return scope;
    }

    /// <summary>Leaves the body.</summary>
    public void Dispose()
    {
        changed.ForEach(variable => Environment.SetEnvironmentVariable(variable.Key, variable.Value));
        Innermost.Value = outer;
    }

    private static DurableScope Enter(DurableScope scope) => Innermost.Value = scope;
}

/// <summary>The variable <c>$DurableSuspending</c>: tells clean-up code that the handler continues later.</summary>
internal sealed class DurableSuspendingVariable() : PSVariable("DurableSuspending")
{
    public override object Value
    {
        get => DurableEvent.IsSuspending;
        set { }
    }
}

/// <summary>The error of an operation: the same in the first run and in each replay. If it is not caught, it ends the
/// script, whatever the preferences.</summary>
/// <param name="type">The name of its type.</param>
/// <param name="message">The message.</param>
public sealed class DurableException(string type, string message) : ActionPreferenceStopException(message)
{
    private ErrorRecord record;

    /// <summary>The type of the operation's error.</summary>
    public string ErrorType => type;

    /// <summary>Further data of the error, or null.</summary>
    public string ErrorData { get; init; }

    public override ErrorRecord ErrorRecord
    {
        get
        {
            if (record == null)
            {
                record = new ErrorRecord(this, type, ErrorCategory.OperationStopped, null);
                record.CategoryInfo.Reason = type;
            }

            return record;
        }
    }
}
