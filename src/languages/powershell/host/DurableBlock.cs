namespace LambdaScriptRuntime;

using System.Collections.Concurrent;

/// <summary>Runs the blocks of operations. They see the surrounding variables, as with <c>&amp;</c>.</summary>
internal static class DurableBlock
{
    private const int LongestMessage = 8192;
    private static readonly ConcurrentDictionary<int, ScriptBlock> Calls = new();

    /// <summary>Runs a block, and returns the message about its end.</summary>
    /// <param name="block">The block.</param>
    /// <param name="end">Turns its output into the message.</param>
    /// <param name="arguments">The arguments of the block.</param>
    public static DurableMessage Run(
        ScriptBlock block, Func<IList<PSObject>, DurableMessage> end, params object[] arguments)
    {
        try
        {
            return end(Calls.GetOrAdd(arguments.Length, Call).Invoke([block, .. arguments]));
        }
        catch (ExitException exit)
        {
            return Exited(exit);
        }
        catch (LoopFlowException jump)
        {
            var word = jump is BreakException ? "break" : "continue";
            return Failed("Durable.Refused", $"`{word}` has left the block of an operation: use `return`");
        }
        catch (Exception error) when (error is not (FlowControlException or PipelineStoppedException or OutOfMemoryException))
        {
            return Failed(error);
        }
    }

    // in a `try`, each terminating error ends the block, also with another preference of the user
    private static ScriptBlock Call(int count)
    {
        var text = new StringBuilder("$private:ErrorActionPreference = 'Stop'; try { & $args[0]");
        for (var index = 1; index <= count; index++)
        {
            text.Append(CultureInfo.InvariantCulture, $" $args[{index}]");
        }

        var call = ScriptBlock.Create(text.Append(" } catch { throw }").ToString());
        call.DebuggerHidden = true;
        return call;
    }

    private static DurableMessage Exited(ExitException exit)
    {
        var status = exit.Argument is int number ? number : 0;
        return status == 0
            ? new DurableMessage("end").With("result", string.Empty)
            : Failed("Function.ExitStatus", $"the block has run `exit {status}`").With("status", status);
    }

    private static DurableMessage Failed(Exception error)
    {
        var record = Failures.Record(error);
        var (type, message) = ThrownValue.Describe(record, DurableEvent.TakesWords);
        var failed = Failed(type, message).With("data", (record.Exception as DurableException)?.ErrorData);
        foreach (var line in Failures.Stack(record).Where(line => !line.Contains("<ScriptBlock>, <No file>: ")))
        {
            failed.With("stack", line);
        }

        return failed;
    }

    private static DurableMessage Failed(string type, string message) => new DurableMessage("end").With("type", type)
        .With("message", message[..Math.Min(message.Length, LongestMessage)]);
}
