namespace LambdaScriptRuntime
{
    /// <summary>
    /// The two pipes to the bootstrap, and the frames on them: a line <c>NAME LENGTH</c>, then the payload.
    /// <c>src/worker/transport/frame.rs</c> describes them.
    /// </summary>
    internal sealed class Pipes : IDisposable
    {
        private const int Capacity = 64 * 1024;

        private readonly Stream requests;
        private readonly Stream reports;
        private readonly string answer;
        private byte[] buffer = new byte[Capacity];
        private int begin;
        private int end;

        /// <summary>Opens both pipes by their paths.</summary>
        /// <param name="requests">The pipe that is read.</param>
        /// <param name="reports">The pipe that is written to.</param>
        /// <param name="answer">The pipe of each answer in turn; null where they are not streamed.</param>
        public Pipes(string requests, string reports, string answer)
            : this(Open(requests, FileAccess.Read), Open(reports, FileAccess.Write))
        {
            this.answer = answer;
        }

        /// <summary>Takes requests from one stream and sends reports to another.</summary>
        public Pipes(Stream requests, Stream reports)
        {
            this.requests = requests;
            this.reports = reports;
        }

        /// <summary>Reads the next frame, whose payload is valid until the next call; false at the end.</summary>
        public bool TryRead(out string name, out ReadOnlySpan<byte> payload)
        {
            name = null;
            payload = default;
            int line;
            while ((line = buffer.AsSpan(begin, end - begin).IndexOf((byte)'\n')) < 0)
            {
                if (!Fill(end - begin + 1))
                {
                    return false;
                }
            }

            var head = buffer.AsSpan(begin, line);
            var space = head.IndexOf((byte)' ');
            name = Encoding.ASCII.GetString(head.Slice(0, space));
            var length = 0;
            foreach (var digit in head.Slice(space + 1))
            {
                length = (length * 10) + (digit - '0');
            }

            begin += line + 1;
            if (!Fill(length))
            {
                return false;
            }

            payload = buffer.AsSpan(begin, length);
            begin += length;
            return true;
        }

        /// <summary>Opens the pipe of the current answer; null where answers are not streamed.</summary>
        public Stream OpenAnswer() => answer == null ? null : Open(answer, FileAccess.Write);

        /// <summary>Sends one frame.</summary>
        public void Send(string name, string payload)
        {
            var size = Encoding.UTF8.GetByteCount(payload);
            var head = name + " " + size.ToString(CultureInfo.InvariantCulture) + "\n";
            var frame = new byte[head.Length + size];
            Encoding.ASCII.GetBytes(head, 0, head.Length, frame, 0);
            Encoding.UTF8.GetBytes(payload, 0, payload.Length, frame, head.Length);
            reports.Write(frame, 0, frame.Length);
        }

        public void Dispose()
        {
            requests.Dispose();
            reports.Dispose();
        }

        private static FileStream Open(string path, FileAccess access)
            => new FileStream(path, FileMode.Open, access, FileShare.ReadWrite, 1);

        // reads until `count` bytes are there; false where the pipe ends before
        private bool Fill(int count)
        {
            if (end - begin >= count)
            {
                return true;
            }

            if (begin + count > buffer.Length || begin == end)
            {
                // a large event's buffer goes with it
                var size = Math.Max(Capacity, count);
                var next = size == buffer.Length ? buffer : new byte[size];
                Buffer.BlockCopy(buffer, begin, next, 0, end - begin);
                end -= begin;
                begin = 0;
                buffer = next;
            }

            while (end - begin < count)
            {
                var read = requests.Read(buffer, end, buffer.Length - end);
                if (read == 0)
                {
                    return false;
                }

                end += read;
            }

            return true;
        }
    }
}
