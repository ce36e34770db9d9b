//! JSON as the cmdlets of the very version read and write it, over a corpus of values.

use super::module;

/// Texts that `ConvertFrom-Json` takes, or does not.
const TEXTS: [&str; 40] = [
    "0",
    "-0",
    "-0.0",
    "1e3",
    "1E-7",
    "1e400",
    "123456789012345678",
    "9223372036854775808",
    "-9223372036854775809",
    "0.1",
    "12345678901234567890.5",
    "1.0",
    "100.00",
    "true",
    "null",
    "\"\"",
    r#""a\u0000b""#,
    r#""\ud83d\ude00""#,
    r#""\ud83d""#,
    r#""tab\tnew\nquote\"slash\/""#,
    r#""\u2028\u0085<>&'""#,
    "[]",
    "[null]",
    "[[],{}]",
    "{}",
    r#"{"a":{"b":[1,2.5,"x"]}}"#,
    r#"{"b":1,"a":2}"#,
    "[1,]",
    "{'a':1}",
    "{a:1}",
    "// note\n1",
    "/* note */ [1]",
    "01",
    "0x10",
    "NaN",
    "[1 2]",
    "{\"a\":1",
    "\u{feff}1",
    " \n 1 \n",
    "{} {}",
];

const FUNCTION: &str = "function f { param($LambdaInput, $c)\n\
    function Show($v) {\n\
    if ($null -eq $v) { return 'null' }\n\
    if ($v -is [Collections.IDictionary]) { return '{' + (($v.Keys | Sort-Object -CaseSensitive | ForEach-Object { \"$_=\" + (Show $v[$_]) }) -join ' ') + '}' }\n\
    if ($v -is [array]) { return '[' + (($v | ForEach-Object { Show $_ }) -join ' ') + ']' }\n\
    if ($v -is [string]) { return 'S:' + (([char[]] $v | ForEach-Object { '{0:x}' -f [int] $_ }) -join ' ') }\n\
    \"$($v.GetType().Name):\" + ([IFormattable] $v).ToString('R', [cultureinfo]::InvariantCulture).Replace(\"'\", '') }\n\
    }";

#[test]
fn events_are_read_as_convertfrom_json_reads_them() {
    needs!(pwsh);
    let show = FUNCTION.replace("function f { param($LambdaInput, $c)\n", "").trim_end_matches('}').to_owned();
    let text = format!(
        "{show}\nfunction f {{ param($d)\n\
         $text = [Text.Encoding]::UTF8.GetString([Convert]::FromBase64String($d.text))\n\
         $expected = try {{ $options = if ((Get-Command ConvertFrom-Json).Parameters.ContainsKey('DateKind')) {{ @{{ DateKind = 'String' }} }} else {{ @{{}} }}\n\
         ConvertFrom-Json -InputObject $text -AsHashtable -NoEnumerate @options }} catch {{ $text }}\n\
         Show $expected }}\n\
         function g {{ param($d) Show $d }}"
    )
    .replace("[IFormattable] $v).ToString('R'", "[IFormattable] $v).ToString($null")
    .replace("\"$($v.GetType().Name):\" + ([IFormattable]", "if ($v -is [bool]) { return \"B:$v\" }\n\"$($v.GetType().Name):\" + ([IFormattable]");
    let (cmdlet, ours) = (module(&text), module(&text));
    let (cmdlet, ours) = (cmdlet.start(), ours.handler("m.g").start());
    for event in TEXTS {
        use base64::{Engine, engine::general_purpose::STANDARD};
        let wrapped = serde_json::json!({ "text": STANDARD.encode(event) }).to_string();
        assert_eq!(ours.text(event), cmdlet.text(wrapped), "{event:?}");
    }
}

/// Values, as expressions of PowerShell.
const VALUES: [&str; 44] = [
    "0",
    "-1",
    "[long]::MaxValue",
    "[ulong]::MaxValue",
    "1.0",
    "0.1",
    "1e300",
    "1e-300",
    "[double]::NaN",
    "[double]::PositiveInfinity",
    "[float] 0.1",
    "1.50d",
    "[bigint] '123456789012345678901234567890'",
    "[byte] 7",
    "[char] 'x'",
    "$true",
    "@{ s = \"a`\"b\\c`t`n$([char] 0)$([char] 0x85)$([char] 0x2028)/<>&'é😀\" }",
    "@{ a = $null }",
    "@{ a = @() }",
    "@{ a = ,@() }",
    "@{ a = @(1); b = @{ c = @($null) } }",
    "[ordered]@{ z = 1; a = 2 }",
    "[pscustomobject]@{ A = 1; B = @{ c = 'x' }; C = ,1 }",
    "[pscustomobject]@{ N = [pscustomobject]@{ M = [pscustomobject]@{ L = 1 } } }",
    "@([pscustomobject]@{ a = 1 }, [pscustomobject]@{ a = 2 })",
    "@{ d = [datetime]::SpecifyKind('2020-01-02T03:04:05', 'Utc') }",
    "@{ d = [datetimeoffset]::new(2020, 1, 2, 3, 4, 5, [timespan]::FromHours(2)) }",
    "@{ t = [timespan]::FromSeconds(90) }",
    "@{ g = [guid]::Empty; u = [uri] 'http://a/b?c'; v = [version] '1.2.3' }",
    "@{ e = [DayOfWeek]::Friday; f = [IO.FileAccess] 'ReadWrite' }",
    "[System.Collections.Generic.Dictionary[string, int]]::new()",
    "@{ l = [System.Collections.Generic.List[int]] (1, 2) }",
    "@{ b = [byte[]] (1, 2) }",
    "@{ h = [System.Collections.Generic.HashSet[string]] 'x' }",
    "@{ s = [System.Text.StringBuilder] 'x' }",
    "@{ x = [xml] '<a><b>1</b></a>' }.x.a",
    "@{ p = (-join ('te', 'xt') | Add-Member -PassThru Note 1 -Force) }",
    "@{ p = (5 | Add-Member -PassThru Note 1 -Force) }",
    "@{ p = (@{ k = 1 } | Add-Member -PassThru Note 1) }",
    "[pscustomobject]@{ D = [dbnull]::Value; N = [nullstring]::Value }",
    "@{ r = (1..3) }",
    "@{ e = (Get-Date 2020-01-02) }",
    "@{ n = 5 | Write-Output }",
    "[Text.RegularExpressions.RegexOptions] 3",
];

#[test]
fn answers_are_written_as_convertto_json_writes_them() {
    needs!(pwsh);
    let function = module(
        "function f { param($d) $v = Invoke-Expression $d.value\n\
         # 7.4 writes a large number as an object of its properties, which is no number any more\n\
         if ($d.cmdlet -and $v -is [bigint] -and $PSVersionTable.PSVersion -lt [version] '7.5') { return \"$v\" }\n\
         if ($d.cmdlet) { ConvertTo-Json -InputObject $v -Compress -Depth 100 } elseif ($v -is [array]) { , $v } else { $v } }",
    );
    let running = function.start();
    for value in VALUES {
        let event = |cmdlet: bool| serde_json::json!({ "value": value, "cmdlet": cmdlet }).to_string();
        let expected = running.text(event(true));
        assert_eq!(running.text(event(false)), expected.trim_end_matches('\n'), "{value}");
    }
}
