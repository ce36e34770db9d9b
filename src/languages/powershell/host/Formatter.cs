namespace LambdaScriptRuntime
{
    using System.Collections.Generic;
    using System.Management.Automation;

    /// <summary>
    /// Objects as the text that PowerShell shows. It runs in a module of its own, where default values of parameters
    /// and functions of the user's do not reach.
    /// </summary>
    internal sealed class Formatter
    {
        private readonly CmdletInfo outString = new("Out-String", typeof(Microsoft.PowerShell.Commands.OutStringCommand));
        private PSModuleInfo module;
        private ScriptBlock block;

        /// <summary>The text of these objects, which are taken off the list.</summary>
        public string TakeText(List<object> items)
        {
            if (items.Count == 0)
            {
                return string.Empty;
            }

            var all = items.ToArray();
            items.Clear();
            return Text(all);
        }

        /// <summary>The text of these objects.</summary>
        public string Text(params object[] items)
        {
            if (items.Length == 1 && items[0] is PSObject { BaseObject: ErrorRecord } or ErrorRecord)
            {
                var record = (ErrorRecord)(items[0] is PSObject wrapped ? wrapped.BaseObject : items[0]);
                if (record.FullyQualifiedErrorId.StartsWith("NativeCommandError", System.StringComparison.Ordinal))
                {
                    // a line that a native command has written to its standard error
                    return record + "\n";
                }
            }

            if (module == null)
            {
                module = new PSModuleInfo(true);
                module.SessionState.PSVariable.Set("PSDefaultParameterValues", new DefaultParameterDictionary());
                module.SessionState.PSVariable.Set("ErrorActionPreference", ActionPreference.Continue);
                block = ScriptBlock.Create("param($cmdlet, $items) $items | & $cmdlet");
            }

            var result = module.Invoke(block, outString, items);
            return result?.ToString() ?? string.Empty;
        }
    }
}
