namespace LambdaScriptRuntime;

/// <summary>
/// The two pipes to the bootstrap, and the frames on them: a line <c>NAME LENGTH</c>, then the payload.
/// <c>src/worker/transport/frame.rs</c> describes them.
/// </summary>
/// <param name="requests">The pipe with requests.</param>
/// <param name="reports">The pipe for messages.</param>
/// <param name="answer">The path of the current answer's pipe; null if answers are not streamed.</param>
internal sealed class Pipes(Stream requests, Stream reports, string answer) : IDisposable
{
    /// <summary>Opens the pipes that the bootstrap names.</summary>
    public static Pipes Open(Arguments arguments)
    {
        var requests = new BufferedStream(Open(arguments.Requests, FileAccess.Read), 64 * 1024);
        return new Pipes(requests, Open(arguments.Reports, FileAccess.Write), arguments.Answer);
    }

    /// <summary>Reads the next frame; false at the end.</summary>
    public bool TryRead(out string name, out byte[] payload)
    {
        (name, payload) = (null, null);
        var head = new StringBuilder();
        int next;
        while ((next = requests.ReadByte()) != '\n')
        {
            if (next < 0)
            {
                return false;
            }

            head.Append((char)next);
        }

        var parts = head.ToString().Split(' ');
        name = parts[0];
        payload = new byte[int.Parse(parts[1], CultureInfo.InvariantCulture)];
        return requests.ReadAtLeast(payload, payload.Length, false) == payload.Length;
    }

    /// <summary>Opens the pipe of the current answer; null if answers are not streamed.</summary>
    public Stream OpenAnswer() => answer == null ? null : Open(answer, FileAccess.Write);

    /// <summary>Sends one frame.</summary>
    public void Send(string name, string payload)
    {
        var size = Encoding.UTF8.GetByteCount(payload);
        var head = Encoding.UTF8.GetBytes($"{name} {size}\n");
        // in one write, so that the bootstrap wakes up only once
        var frame = new byte[head.Length + size];
        head.CopyTo(frame, 0);
        Encoding.UTF8.GetBytes(payload, frame.AsSpan(head.Length));
        reports.Write(frame);
    }

    public void Dispose()
    {
        requests.Dispose();
        reports.Dispose();
    }

    private static FileStream Open(string path, FileAccess access)
        => new FileStream(path, FileMode.Open, access, FileShare.ReadWrite, 1);
}
