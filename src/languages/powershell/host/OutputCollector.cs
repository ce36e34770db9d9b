namespace LambdaScriptRuntime;

/// <summary>Collects the output of commands, object by object. Public, because a script calls it. No type of a user has
/// a method of this name.</summary>
public sealed class OutputCollector
{
    // as JSON, each object has at least two bytes
    private const int MostObjects = Answer.LargestBuffered / 2;

    private ICollection<object> output;
    private ExceptionDispatchInfo error;

    /// <summary>Adds one object.</summary>
    /// <param name="item">The object.</param>
    public void AddLambdaOutput(PSObject item)
    {
        try
        {
            if (output.Count > MostObjects)
            {
                throw new RuntimeException(
                    $"the answer is too large: the handler has written more than {MostObjects} objects");
            }

            output.Add(item);
        }
        catch (Exception failure)
        {
            error ??= ExceptionDispatchInfo.Capture(failure);
            throw;
        }
    }

    /// <summary>Starts to collect the output in this list.</summary>
    internal void Begin(ICollection<object> next) => (output, error) = (next, null);

    /// <summary>Throws the error of an object that could not be added.</summary>
    internal void ThrowError() => error?.Throw();
}
