namespace LambdaScriptRuntime
{
    /// <summary>
    /// The preferences of one scope, and its default values of parameters: kept when the user's file has been loaded,
    /// and put back after each event. What does not let itself be put back stays as it is.
    /// </summary>
    internal sealed class Preferences
    {
        private const string DefaultValues = "PSDefaultParameterValues";

        private static readonly string[] Names =
        {
            "ConfirmPreference", "DebugPreference", "ErrorActionPreference", "ErrorView", "InformationPreference", "OFS",
            "OutputEncoding", "ProgressPreference", "PSModuleAutoLoadingPreference", "PSNativeCommandArgumentPassing",
            "PSNativeCommandUseErrorActionPreference", "VerbosePreference", "WarningPreference", "WhatIfPreference",
        };

        private readonly PSVariableIntrinsics variables;
        private readonly string scope;
        private readonly string[] paths;
        private readonly (bool IsSet, object Value)[] kept = new (bool, object)[Names.Length];
        private Hashtable defaultValues;

        /// <summary>The preferences as they are now.</summary>
        /// <param name="variables">The variables of the session state.</param>
        /// <param name="scope"><c>global:</c>, or <c>script:</c> for those of a module.</param>
        public Preferences(PSVariableIntrinsics variables, string scope)
        {
            this.variables = variables;
            this.scope = scope;
            paths = Array.ConvertAll(Names, name => scope + name);
            for (var index = 0; index < paths.Length; index++)
            {
                var variable = variables.Get(paths[index]);
                kept[index] = (variable != null, variable?.Value);
            }

            defaultValues = Copy(variables.Get(scope + DefaultValues)?.Value);
        }

        /// <summary>Puts back what has changed.</summary>
        public void Restore()
        {
            for (var index = 0; index < paths.Length; index++)
            {
                var variable = variables.Get(paths[index]);
                var (isSet, value) = kept[index];
                if ((variable != null) != isSet || !Equals(variable?.Value, value))
                {
                    Put(paths[index], variable, isSet, value);
                }
            }

            var current = variables.Get(scope + DefaultValues);
            if (!IsSame(current?.Value, defaultValues))
            {
                var values = defaultValues == null ? null : new DefaultParameterDictionary(defaultValues);
                Put(scope + DefaultValues, current, defaultValues != null, values);
            }
        }

        private void Put(string path, PSVariable variable, bool isSet, object value)
        {
            try
            {
                if (variable != null && variable.Options.HasFlag(ScopedItemOptions.ReadOnly))
                {
                    variable.Options &= ~ScopedItemOptions.ReadOnly;
                }

                if (isSet)
                {
                    variables.Set(path, value);
                }
                else
                {
                    variables.Remove(path);
                }
            }
            catch (Exception error) when (error is not OutOfMemoryException)
            {
                // a constant, or one with a type or a condition of the user's own
            }
        }

        // a copy, as handlers may change them in place
        private static Hashtable Copy(object values)
            => values is IDictionary dictionary ? new Hashtable(dictionary) : null;

        private static bool IsSame(object values, Hashtable kept)
        {
            if (values is not IDictionary current || kept == null)
            {
                return values is not IDictionary && kept == null;
            }

            if (current.Count != kept.Count)
            {
                return false;
            }

            foreach (DictionaryEntry entry in kept)
            {
                if (!current.Contains(entry.Key) || !Equals(current[entry.Key], entry.Value))
                {
                    return false;
                }
            }

            return true;
        }
    }
}
