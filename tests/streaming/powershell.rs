//! Streamed answers of PowerShell handlers: item by item.

use super::{assert_waits_for_its_reader, late_error, streaming};
use crate::support::{Event, Function, Running, processes};

fn handler(body: &str) -> Running {
    let module = format!("function f {{ param($d)\n{body}\n}}");
    streaming(Function::with(&[("M.psm1", &module)]).handler("M.f"))
}

#[test]
fn each_item_goes_out_as_it_comes() {
    needs!(pwsh);
    let function = handler("'first'; while (-not (Test-Path go)) { Start-Sleep -Milliseconds 10 }; 'second'");
    for number in 0..2 {
        let _ = std::fs::remove_file(function.task_root.path().join("go"));
        let id = function.api.send(Event::new("{}"));
        assert_eq!(function.api.wait_for_chunk(2 * number + 1).bytes, b"first\n");
        std::fs::write(function.task_root.path().join("go"), "").unwrap();
        assert_eq!(function.api.wait(&id).body, b"first\nsecond\n");
    }
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
        assert_eq!(
            String::from_utf8_lossy(&function.answer(event)),
            String::from_utf8_lossy(expected),
            "{command}"
        );
    }
}

#[test]
fn errors_and_ends_stand_behind_what_was_put_out() {
    needs!(pwsh);
    let function = handler("'part'; Invoke-Expression $d.command");
    for (command, kind, message) in [
        ("throw 'no more'", "RuntimeException", "no more"),
        ("exit 3", "Function.ExitStatus", "status 3"),
        ("[Environment]::Exit(4)", "Runtime.WorkerExited", "exit status: 4"),
        ("Stop-Process -Id $PID -Force", "Runtime.WorkerExited", "SIGKILL"),
    ] {
        let event = |command| serde_json::json!({ "command": command }).to_string();
        let post = function.post(Event::new(event(command)));
        assert_eq!(post.body, b"part\n", "{command}");
        let error = late_error(&post);
        assert_eq!(error.0, kind);
        assert!(error.1.contains(message), "{error:?}");
        assert_eq!(function.answer(event("'fine'")), b"part\nfine\n");
    }
}

#[test]
fn memory_stays_flat_and_a_slow_reader_slows_the_handler() {
    needs!(pwsh);
    let code = "$line = 'x' * 65535; for ($i = 0; $i -lt $d; $i++) { $line; [IO.File]::WriteAllText(\"$PWD/written\", $i) }";
    let function = handler(code);
    assert_eq!(function.answer("1").len(), 65536);
    let before = processes::peak(function.pid());
    assert_eq!(function.answer("3200").len(), 3200 * 65536);
    let grown = processes::peak(function.pid()) - before;
    assert!(grown < 4096, "{grown} KiB");
    assert_waits_for_its_reader(&function, "function");
}
