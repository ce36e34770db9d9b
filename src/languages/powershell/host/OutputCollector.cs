namespace LambdaScriptRuntime;

/// <summary>Takes the output of commands, object by object. Public, as a script calls it by a name that no type of a
/// user has.</summary>
public sealed class OutputCollector
{
    // as JSON, each object is two bytes at least
    private const int MostObjects = Answer.LargestBuffered / 2;

    private ICollection<object> output;
    private ExceptionDispatchInfo error;

    /// <summary>Takes one object.</summary>
    /// <param name="item">The object.</param>
    public void AddLambdaOutput(PSObject item)
    {
        try
        {
            if (output.Count > MostObjects)
            {
                throw new RuntimeException(
                    $"the answer is too large: the handler has put out more than {MostObjects} objects");
            }

            output.Add(item);
        }
        catch (Exception failure)
        {
            error ??= ExceptionDispatchInfo.Capture(failure);
            throw;
        }
    }

    /// <summary>From now on the output goes here.</summary>
    internal void Begin(ICollection<object> next) => (output, error) = (next, null);

    /// <summary>Throws the error of an object that could not be taken.</summary>
    internal void ThrowError() => error?.Throw();
}
