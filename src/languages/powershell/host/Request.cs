namespace LambdaScriptRuntime
{
    /// <summary>One event: its bytes, and the context that came with it.</summary>
    internal sealed class Request
    {
        private string text;

        private Request(Hashtable context, byte[] bytes)
        {
            Context = context;
            Bytes = bytes;
        }

        /// <summary>The event.</summary>
        public byte[] Bytes { get; }

        /// <summary>The environment, the headers, and what other runtimes call them.</summary>
        public Hashtable Context { get; }

        /// <summary>The event as text.</summary>
        public string Text => text ??= Encoding.UTF8.GetString(Bytes);

        /// <summary>Reads an event whose context has just been read, and sets its environment variables.</summary>
        /// <param name="payload">The payload of the frame <c>context</c>.</param>
        /// <param name="context">What is in the context of every event.</param>
        /// <param name="pipes">Where the frame <c>event</c> comes from.</param>
        /// <returns>The event; null where the pipe ends.</returns>
        public static Request Read(ReadOnlySpan<byte> payload, Hashtable context, Pipes pipes)
        {
            var isHeader = false;
            while (payload.Length > 0)
            {
                var end = payload.IndexOf((byte)'\n');
                var line = end < 0 ? payload : payload.Slice(0, end);
                payload = end < 0 ? default : payload.Slice(end + 1);
                if (line.Length == 0)
                {
                    isHeader = true;
                }
                else if (isHeader)
                {
                    AddHeader(line, context);
                }
                else
                {
                    SetVariable(line, context);
                }
            }

            LambdaContext.AddNames(context);
            return pipes.TryRead(out _, out var bytes) ? new Request(context, bytes.ToArray()) : null;
        }

        /// <summary>The event as a handler gets it: a hashtable where it is JSON and said to be, else the text.</summary>
        public object Data()
        {
            var isJson = Context["content-type"] is string type
                && type.StartsWith("application/json", StringComparison.OrdinalIgnoreCase);
            return isJson && JsonReader.TryRead(this, out var value) ? value : Text;
        }

        /// <summary>The event as ConvertFrom-Json gives it; the data where that is impossible.</summary>
        public object Objects(object data)
        {
            if (data is string)
            {
                return data;
            }

            try
            {
                var value = Microsoft.PowerShell.Commands.JsonObject.ConvertFromJson(Text, out var error);
                return error == null ? value : data;
            }
            catch (ArgumentException)
            {
                return data;
            }
        }

        private static void AddHeader(ReadOnlySpan<byte> line, Hashtable context)
        {
            var colon = line.IndexOf((byte)':');
            if (colon >= 0)
            {
                var value = line.Slice(Math.Min(colon + 2, line.Length));
                context[Encoding.UTF8.GetString(line.Slice(0, colon))] = Encoding.UTF8.GetString(value);
            }
        }

        private static void SetVariable(ReadOnlySpan<byte> line, Hashtable context)
        {
            var equals = line.IndexOf((byte)'=');
            var name = Encoding.UTF8.GetString(equals < 0 ? line : line.Slice(0, equals));
            var value = equals < 0 ? null : Encoding.UTF8.GetString(line.Slice(equals + 1));
            Environment.SetEnvironmentVariable(name, value);
            if (value == null)
            {
                context.Remove(name);
            }
            else
            {
                context[name] = value;
            }
        }
    }
}
