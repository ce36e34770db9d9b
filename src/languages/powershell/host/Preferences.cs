namespace LambdaScriptRuntime;

/// <summary>
/// The preferences of one scope, and its default values of parameters. They are saved after the user's file was loaded,
/// and restored after each event. A value that cannot be restored is left unchanged.
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
    private readonly (string Path, bool IsSet, object Value)[] kept;
    private readonly string defaultPath;
    private readonly Hashtable defaultValues;

    /// <summary>Saves the current preferences.</summary>
    /// <param name="variables">The variables of the session state.</param>
    /// <param name="scope"><c>global:</c>, or <c>script:</c> for those of a module.</param>
    public Preferences(PSVariableIntrinsics variables, string scope)
    {
        this.variables = variables;
        kept = Array.ConvertAll(Names, name =>
        {
            var variable = variables.Get(scope + name);
            return (scope + name, variable != null, variable?.Value);
        });
        defaultPath = scope + DefaultValues;
        // a copy, because handlers may change them in place
        defaultValues = variables.Get(defaultPath)?.Value is IDictionary values ? new Hashtable(values) : null;
    }

    /// <summary>Restores changed preferences.</summary>
    public void Restore()
    {
        foreach (var (path, isSet, value) in kept)
        {
            var variable = variables.Get(path);
            if ((variable != null) != isSet || !Equals(variable?.Value, value))
            {
                Put(path, variable, isSet, value);
            }
        }

        var current = variables.Get(defaultPath);
        if (!HasDefaultValues(current?.Value as IDictionary))
        {
            var values = defaultValues == null ? null : new DefaultParameterDictionary(defaultValues);
            Put(defaultPath, current, defaultValues != null, values);
        }
    }

    private void Put(string path, PSVariable variable, bool isSet, object value) => Baseline.Try(() =>
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
    });

    private bool HasDefaultValues(IDictionary current)
    {
        bool IsKept(object key) => current.Contains(key) && Equals(current[key], defaultValues[key]);
        return current?.Count == defaultValues?.Count && (defaultValues?.Keys.Cast<object>().All(IsKept) ?? true);
    }
}
