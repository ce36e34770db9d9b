//! Streamed answers of PowerShell handlers: item by item.

use super::streaming;
use crate::support::{Function, Running};

fn handler(body: &str) -> Running {
    let module = format!("function f {{ param($d)\n{body}\n}}");
    streaming(Function::with(&[("M.psm1", &module)]).handler("M.f"))
}

#[test]
fn strings_bytes_objects_records_and_tables_have_forms_of_their_own() {
    needs!(pwsh);
    let function = handler("Invoke-Expression $d.command");
    for (command, expected) in [
        ("'a'; 'b'", &b"a\nb\n"[..]),
        ("''", b"\n"),
        ("$null", b""),
        (",[byte[]] (0, 255, 10); 'x'", b"\0\xff\nx\n"),
        ("[ordered] @{ a = 1; b = @(1, $null) }", b"{\"a\":1,\"b\":[1,null]}\n"),
        ("1; $true; ,@(1, 2)", b"1\ntrue\n[1,2]\n"),
        ("'a'; [pscustomobject] @{ n = 1 } | Format-Table; 'b'", b"a\n\nn\n-\n1\n\nb\n"),
        ("Write-Warning w 3>&1; 'x'", b"w\nx\n"),
        ("/bin/echo native; 'x'", b"native\nx\n"),
        ("'x'; exit 0", b"x\n"),
    ] {
        let event = serde_json::json!({ "command": command }).to_string();
        assert_eq!(String::from_utf8_lossy(&function.answer(event)), String::from_utf8_lossy(expected), "{command}");
    }
}
