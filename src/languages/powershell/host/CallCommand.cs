namespace LambdaScriptRuntime
{
    /// <summary>Calls a block.</summary>
    [Cmdlet(VerbsLifecycle.Invoke, "LambdaBlock")]
    public sealed class CallCommand : PSCmdlet
    {
        /// <summary>The parameters that every cmdlet has, so that <c>$PSDefaultParameterValues</c> sets none of them.</summary>
        internal static IDictionary Common { get; } = new Hashtable
        {
            ["ErrorAction"] = ActionPreference.Continue,
            ["WarningAction"] = ActionPreference.Continue,
            ["InformationAction"] = ActionPreference.Continue,
            ["ProgressAction"] = ActionPreference.Continue,
            ["Verbose"] = false,
            ["Debug"] = false,
            ["OutBuffer"] = 0,
            ["OutVariable"] = null,
            ["ErrorVariable"] = null,
            ["WarningVariable"] = null,
            ["InformationVariable"] = null,
            ["PipelineVariable"] = null,
        };

        /// <summary>The call.</summary>
        [Parameter]
        public Call LambdaCall { get; set; }

        protected override void EndProcessing() => LambdaCall.Run();
    }
}
