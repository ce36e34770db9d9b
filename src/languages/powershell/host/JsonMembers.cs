namespace LambdaScriptRuntime;

/// <summary>The members of an object that <c>ConvertTo-Json</c> writes, read one by one.</summary>
internal static class JsonMembers
{
    private const BindingFlags Public = BindingFlags.Public | BindingFlags.Instance;

    /// <summary>The properties of a <c>[pscustomobject]</c>.</summary>
    public static IEnumerable<Member> OfRecord(PSObject record) => record.Properties.Select(Read);

    /// <summary>The fields and properties of any other object, and properties that PowerShell adds to it.</summary>
    public static IEnumerable<Member> OfObject(object value, PSObject wrapped)
    {
        var type = value.GetType();
        var fields = type.GetFields(Public).Where(IsWritten).Select(field => (field.Name, Reader(() => field.GetValue(value))));
        var properties = type.GetProperties(Public)
            .Where(property => property.GetGetMethod()?.GetParameters().Length == 0 && IsWritten(property))
            .Select(property => (property.Name, Reader(() => property.GetValue(value))));
        var others = wrapped?.Properties.Select(property => (property.Name, Reader(() => property.Value))) ?? [];
        var all = fields.Concat(properties).Concat(others).DistinctBy(member => member.Name);
        return all.Select(member => new Member(member.Name, Try(member.Item2)));
    }

    /// <summary>The properties that were added to this object.</summary>
    public static Member[] Added(PSObject wrapped)
        => AllExtended(wrapped).Where(property => property.IsInstance).Select(Read).ToArray();

    /// <summary>The properties that were added to this object or to its type.</summary>
    public static Member[] Extended(PSObject wrapped) => AllExtended(wrapped).Select(Read).ToArray();

    // by `psextended`, which skips the object's own properties: listing them takes 10 µs
    private static PSMemberInfoCollection<PSPropertyInfo> AllExtended(PSObject wrapped)
        => ((PSMemberSet)wrapped.Members["psextended"]).Properties;

    // not inlined: few answers need the assembly
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static bool IsWritten(MemberInfo member)
        => !member.IsDefined(typeof(Newtonsoft.Json.JsonIgnoreAttribute), true);

    private static Member Read(PSPropertyInfo property)
        => new(property.Name, property is PSNoteProperty ? property.Value : Try(() => property.Value));

    private static Func<object> Reader(Func<object> read) => read;

    // if a property cannot be read, ConvertTo-Json writes null
    private static object Try(Func<object> read)
    {
        try
        {
            return read();
        }
        catch (Exception)
        {
            return null;
        }
    }
}
