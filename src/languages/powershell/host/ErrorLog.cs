namespace LambdaScriptRuntime
{
    /// <summary>Shows objects in the log, errors among them, as PowerShell shows them. Public, as a script calls it.</summary>
    public sealed class ErrorLog
    {
        private readonly Log log;
        private readonly Formatter formatter;
        private readonly bool json;

        internal ErrorLog(Log log, Formatter formatter, bool json)
        {
            this.log = log;
            this.formatter = formatter;
            this.json = json;
        }

        /// <summary>Shows an object.</summary>
        /// <param name="item">The object.</param>
        public void WriteLambdaError(PSObject item)
        {
            if (item == null)
            {
                return;
            }

            var record = item.BaseObject as ErrorRecord;
            if (record != null && json)
            {
                log.WriteRecord("ERROR", string.Empty, record.ToString());
                return;
            }

            log.WriteLine(formatter.Text(item).Trim('\r', '\n'));
            // an error of the handler itself has no place: PowerShell names the line of the call, which we have made
            if (record != null && string.IsNullOrEmpty(record.InvocationInfo?.ScriptName))
            {
                var stack = Failures.Stack(record);
                if (stack.Length > 0)
                {
                    log.WriteLine((string)stack[0]);
                }
            }
        }

        internal void WriteAll(List<object> items)
        {
            if (items.Count > 0)
            {
                log.WriteLine(formatter.TakeText(items).TrimEnd('\r', '\n'));
            }
        }
    }
}
