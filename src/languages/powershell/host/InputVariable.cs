namespace LambdaScriptRuntime
{
    /// <summary>The variable <c>$LambdaInput</c>, which reads the event's JSON when it is first asked for.</summary>
    internal sealed class InputVariable : PSVariable
    {
        private Request request;
        private object value;

        /// <summary>A variable without a value.</summary>
        public InputVariable()
            : base("LambdaInput")
        {
        }

        public override object Value
        {
            get
            {
                if (request != null)
                {
                    var (pending, data) = (request, value);
                    request = null;
                    value = pending.Objects(data);
                }

                return value;
            }

            set
            {
                request = null;
                this.value = value;
            }
        }

        /// <summary>From now on the variable holds this event.</summary>
        public void Hold(Request next, object data)
        {
            request = next;
            value = data;
        }
    }
}
