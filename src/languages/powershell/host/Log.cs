namespace LambdaScriptRuntime
{
    /// <summary>
    /// The log: standard error, whose lines the bootstrap passes on. In JSON mode a record is an object with its
    /// level, and the bootstrap makes one of every other line.
    /// </summary>
    internal sealed class Log
    {
        private readonly bool json;
        private readonly Stream stream = Console.OpenStandardError();

        // by Write-Host -NoNewline, in JSON mode
        private string begun = string.Empty;

        /// <summary>A log of this format.</summary>
        public Log(bool json) => this.json = json;

        /// <summary>The event whose records these are.</summary>
        public string RequestId { get; set; }

        /// <summary>The tenant of the event; null where it has none.</summary>
        public string TenantId { get; set; }

        /// <summary>Writes text that may not end its line.</summary>
        public void Write(string text)
        {
            if (!json)
            {
                Send(text);
                return;
            }

            text = begun + text;
            var end = text.LastIndexOf('\n');
            begun = text.Substring(end + 1);
            if (end >= 0)
            {
                Send(text.Substring(0, end + 1));
            }
        }

        /// <summary>Writes a line, or in JSON mode a record if it has several.</summary>
        public void WriteLine(string text)
        {
            text = begun + text;
            begun = string.Empty;
            if (json && text.Contains('\n'))
            {
                Record("INFO", text);
            }
            else
            {
                Send(text + "\n");
            }
        }

        /// <summary>Writes a record of a stream: in text mode a line that begins with the stream's name.</summary>
        public void WriteRecord(string level, string prefix, string message)
        {
            if (json)
            {
                Record(level, message);
            }
            else
            {
                Send(prefix + message + "\n");
            }
        }

        /// <summary>Ends a line that has no end yet.</summary>
        public void Flush()
        {
            if (begun.Length > 0)
            {
                WriteLine(string.Empty);
            }
        }

        private void Record(string level, string message)
        {
            var line = new StringBuilder("{\"timestamp\":\"");
            line.Append(DateTime.UtcNow.ToString("yyyy-MM-ddTHH:mm:ss.ffffffZ", CultureInfo.InvariantCulture));
            line.Append("\",\"level\":\"").Append(level).Append('"');
            Append(line, "requestId", RequestId ?? string.Empty);
            if (TenantId != null)
            {
                Append(line, "tenantId", TenantId);
            }

            Append(line, "message", message);
            Send(line.Append("}\n").ToString());
        }

        private static void Append(StringBuilder line, string name, string value)
        {
            line.Append(",\"").Append(name).Append("\":");
            JsonText.Append(line, value);
        }

        private void Send(string text)
        {
            var bytes = Encoding.UTF8.GetBytes(text);
            lock (stream)
            {
                stream.Write(bytes, 0, bytes.Length);
            }
        }
    }
}
