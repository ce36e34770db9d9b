namespace LambdaScriptRuntime;

using System.Net.Sockets;

/// <summary>A message between a durable handler and the bootstrap. <c>src/durable/message.rs</c> describes them.</summary>
internal sealed class DurableMessage(string verb)
{
    private readonly List<KeyValuePair<string, string>> fields = new();

    /// <summary>The first field.</summary>
    public string Verb => verb;

    /// <summary>The first value of a key; empty if there is none.</summary>
    public string this[string key] => fields.Find(field => field.Key == key).Value ?? string.Empty;

    /// <summary>Adds a field, unless its value is null.</summary>
    public DurableMessage With(string key, string value)
    {
        if (value != null)
        {
            fields.Add(new(key, value));
        }

        return this;
    }

    /// <summary>Adds a number, unless it is null.</summary>
    public DurableMessage With(string key, double? value)
        => With(key, value?.ToString("R", CultureInfo.InvariantCulture));

    /// <summary>The same fields under another verb.</summary>
    public DurableMessage As(string verb)
    {
        var message = new DurableMessage(verb);
        message.fields.AddRange(fields);
        return message;
    }

    /// <summary>The encoded message.</summary>
    public byte[] Encode()
    {
        using var bytes = new MemoryStream();
        bytes.Write(Encoding.ASCII.GetBytes($"{fields.Count + 1}\n"));
        Append(bytes, Verb);
        foreach (var field in fields)
        {
            Append(bytes, field.Key + "=" + field.Value);
        }

        return bytes.ToArray();
    }

    /// <summary>Reads a message.</summary>
    public static DurableMessage Read(Stream stream)
    {
        var count = ReadNumber(stream, '\n');
        var message = new DurableMessage(ReadField(stream));
        while (--count > 0)
        {
            var field = ReadField(stream);
            var equals = field.IndexOf('=');
            message.With(field[..equals], field[(equals + 1)..]);
        }

        return message;
    }

    private static void Append(MemoryStream bytes, string field)
    {
        var text = Encoding.UTF8.GetBytes(field);
        bytes.Write(Encoding.ASCII.GetBytes($"{text.Length}:"));
        bytes.Write(text);
        bytes.WriteByte((byte)',');
    }

    private static string ReadField(Stream stream)
    {
        var bytes = new byte[ReadNumber(stream, ':') + 1];
        stream.ReadExactly(bytes);
        return Encoding.UTF8.GetString(bytes, 0, bytes.Length - 1);
    }

    private static int ReadNumber(Stream stream, char end)
    {
        var number = 0;
        for (int digit; (digit = stream.ReadByte()) != end; number = (number * 10) + (digit - '0'))
        {
            if (digit < '0' || digit > '9')
            {
                throw new EndOfStreamException("the bootstrap has ended the connection");
            }
        }

        return number;
    }
}

/// <summary>A connection to the bootstrap. It takes one request after the other.</summary>
internal sealed class DurableConnection : IDisposable
{
    private readonly Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly BufferedStream replies;

    /// <summary>Connects to the socket at this path.</summary>
    public DurableConnection(string path)
    {
        socket.Connect(new UnixDomainSocketEndPoint(path));
        replies = new BufferedStream(new NetworkStream(socket));
    }

    /// <summary>Sends a request and waits for the reply.</summary>
    public DurableMessage Ask(DurableMessage request)
    {
        var bytes = request.Encode();
        for (var sent = 0; sent < bytes.Length;)
        {
            sent += socket.Send(bytes, sent, bytes.Length - sent, SocketFlags.None);
        }

        return DurableMessage.Read(replies);
    }

    public void Dispose() => socket.Dispose();
}
