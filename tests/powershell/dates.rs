//! How events are read before PowerShell 7.5, by the very step of the shim, on whatever version is here.

use std::{env, fs, process::Command};

use crate::support::language::pwsh;

const JSON: &str = include_str!("../../src/languages/powershell/shim/powershell_json.ps1");
const DATES: &str = include_str!("../../src/languages/powershell/shim/powershell_dates.ps1");
const INPUT: &str = include_str!("../../src/languages/powershell/shim/powershell_input.ps1");

/// A value with its types, keys in order.
const DESCRIBE: &str = r#"
function Format-Value($Value) {
    if ($null -eq $Value) { return 'null' }
    if ($Value -is [hashtable]) {
        return '{' + (@($Value.Keys | Sort-Object -CaseSensitive | ForEach-Object { "$_=$(Format-Value $Value[$_])" }) -join ' ') + '}'
    }
    if ($Value -is [array]) { return "$($Value.GetType().Name)(" + (@(foreach ($item in $Value) { Format-Value $item }) -join ' ') + ')' }
    "$($Value.GetType().Name):$Value"
}
"#;

const EVENTS: [(&str, &str); 14] = [
    (r#"{"at":"2024-01-02T03:04:05Z"}"#, "{at=String:2024-01-02T03:04:05Z}"),
    (r#""2024-01-02T03:04:05Z""#, "String:2024-01-02T03:04:05Z"),
    (r#"{"a":{"b":[{"c":"2024-01-02"},[],{}]}}"#, "{a={b=Object[]({c=String:2024-01-02} Object[]() {})}}"),
    (r#"[1,[2.5,null],{"a":true}]"#, "Object[](Int64:1 Object[](Double:2.5 null) {a=Boolean:True})"),
    (r#"["2024-01-02T03:04:05Z"]"#, "Object[](String:2024-01-02T03:04:05Z)"),
    ("[]", "Object[]()"),
    ("{}", "{}"),
    ("7", "Int64:7"),
    (
        r#"{"n":123456789012345678901234567890,"e":1e3}"#,
        "{e=Double:1000 n=BigInteger:123456789012345678901234567890}",
    ),
    (r#"{"A":1,"a":2}"#, "{A=Int64:2}"),
    (r#"{"":1}"#, "{=Int64:1}"),
    (r##"{"$ref":"#/x","$id":"1","$type":"t"}"##, "{$id=String:1 $ref=String:#/x $type=String:t}"),
    (r#"{"a":1"#, r#"String:{"a":1"#),
    ("{no json}", "String:{no json}"),
];

#[test]
fn events_are_read_alike_before_and_since_the_version_that_lets_dates_be() {
    if !pwsh() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let (script, events) = (directory.path().join("dates.ps1"), directory.path().join("events"));
    let texts: Vec<_> = EVENTS.iter().map(|(event, _)| *event).collect();
    fs::write(&events, texts.join("\n")).unwrap();
    let text = format!(
        "param($Events)\n$ErrorActionPreference = 'Stop'\n{DESCRIBE}\nfunction Import-Part {{ }}\n{JSON}\n{DATES}\n\
         $context = @{{ 'Content-Type' = 'application/json' }}\n$Handler = @{{ }}\n$ways = $datesStayText, $false\n\
         foreach ($line in Get-Content -LiteralPath $Events) {{\n\
         foreach ($datesStayText in $ways) {{\n$request = @{{ event = $line }}\n{INPUT}\nFormat-Value $data\n}}\n}}\n"
    );
    fs::write(&script, text).unwrap();
    let program = env::var_os("SCRIPT_RUNTIME_PWSH").unwrap_or_else(|| "pwsh".into());
    let mut command = Command::new(program);
    command.args(["-NoProfile", "-NonInteractive", "-File"]).arg(&script).arg(&events);
    let output = command.output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    let expected: String = EVENTS.iter().flat_map(|(_, value)| [value, "\n", value, "\n"]).collect();
    assert_eq!(String::from_utf8_lossy(&output.stdout), expected);
}
