//! Answers that are streamed: as the handler writes them, to the Runtime API.

mod ends;
mod lisp;
mod powershell;

use std::{
    fs,
    time::{Duration, Instant},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value;

use crate::support::{
    Event, Function, Running,
    api::{Post, Reception},
    check_header_type, code_block,
    language::lisp_core,
    needs::has,
    processes, until,
};

/// How soon a write is to be seen by the caller. Twenty times what is promised: these machines are shared.
const SOON: Duration = Duration::from_millis(20);

pub fn streaming(function: Function) -> Running {
    function.env("SCRIPT_RUNTIME_RESPONSE_MODE", "streaming").start()
}

/// The same code as a function and as a program.
pub fn both(body: &str) -> [(&'static str, Running); 2] {
    let function = Function::bash(&format!("handler() {{\n{body}\n}}"));
    let program = Function::with(&[("program.sh", &format!("set -e\n{body}"))]).handler("program.sh");
    [("function", streaming(function)), ("program", streaming(program))]
}

/// One rule in each language: the body of a Bash function and of a program, which have the event as `$1`; of a Lisp
/// script's `main`, which has it as the string `event`; and of a PowerShell function, which has it parsed as `$d`.
pub fn all(bash: &str, lisp: &str, powershell: &str) -> Vec<(&'static str, Running)> {
    let mut functions = Vec::from(both(bash));
    if has("sbcl") {
        let text = format!("(defun main () (let ((event (read-line)))\n{lisp}))");
        let function = Function::with(&[("app.lisp", &text)]).handler("app.lisp");
        let function = function.env("SCRIPT_RUNTIME_LISP_CORE", lisp_core().to_str().unwrap());
        functions.push(("Lisp", streaming(function)));
    }
    if has("pwsh") {
        let text = format!("function f {{ param($d)\n{powershell}\n}}");
        functions.push(("PowerShell", streaming(Function::with(&[("M.psm1", &text)]).handler("M.f"))));
    }
    functions
}

/// The error in the trailers of a streamed answer.
pub fn late_error(post: &Post) -> (String, String) {
    assert_eq!(post.kind, "response");
    let body = STANDARD.decode(&post.trailers["lambda-runtime-function-error-body"]).unwrap();
    let error: Value = serde_json::from_slice(&body).unwrap();
    assert!(error["stackTrace"].is_array(), "{error}");
    let text = |name: &str| error[name].as_str().unwrap().to_owned();
    check_header_type(&post.trailers["lambda-runtime-function-error-type"], &text("errorType"));
    (text("errorType"), text("errorMessage"))
}

#[test]
fn a_write_is_on_its_way_at_once_whatever_follows() {
    // each handler waits for a file that is made only after its caller has seen the first bytes
    for (kind, function) in all(
        "printf 'first '; until [[ -e go ]]; do sleep 0.01; done; rm go; echo $1",
        "(format t \"first~%\") (loop until (probe-file \"go\") do (sleep 0.01)) (delete-file \"go\") (write-line event)",
        "'first'; while (-not (Test-Path go)) { Start-Sleep -Milliseconds 10 }; Remove-Item go; $d",
    ) {
        let first = if ["Lisp", "PowerShell"].contains(&kind) { "first\n" } else { "first " };
        for (number, event) in ["1", "2"].into_iter().enumerate() {
            let id = function.api.send(Event::new(event));
            let chunk = function.api.wait_for_chunk(2 * number + 1);
            assert_eq!(String::from_utf8_lossy(&chunk.bytes), first, "{kind}");
            fs::write(function.task_root.path().join("go"), "").unwrap();
            let post = function.api.wait(&id);
            assert_eq!(post.kind, "response", "{kind}");
            assert_eq!(post.headers["transfer-encoding"], "chunked");
            assert_eq!(post.headers["lambda-runtime-function-response-mode"], "streaming");
            assert_eq!(post.headers["content-type"], "application/octet-stream");
            assert_eq!(String::from_utf8_lossy(&post.body), format!("{first}{event}\n"), "{kind}");
            assert!(post.trailers.is_empty());
        }
    }
}

#[test]
fn each_of_several_writes_has_its_own_chunk() {
    for (kind, function) in both("for word in a b c d; do echo \"$word\"; sleep 0.1; done") {
        let post = function.post(Event::new("{}"));
        let chunks: Vec<_> = post.chunks.iter().map(|chunk| chunk.bytes.clone()).collect();
        assert_eq!(chunks, [b"a\n", b"b\n", b"c\n", b"d\n"], "{kind}");
        let gaps = post.chunks.windows(2).map(|pair| pair[1].at - pair[0].at);
        assert!(gaps.clone().all(|gap| gap + SOON > Duration::from_millis(100)), "{kind}: {gaps:?}");
    }
}

#[test]
fn bytes_pass_as_they_are_with_all_their_newlines() {
    for (kind, function) in both(r#"printf '\0\377\r\n%s\n\n\n' "$1""#) {
        for event in ["x", "y"] {
            let expected = [b"\0\xff\r\n", event.as_bytes(), b"\n\n\n"].concat();
            assert_eq!(function.answer(event), expected, "{kind}");
        }
    }
}

#[test]
fn the_function_of_the_page() {
    let function = streaming(Function::bash(&code_block("http.md", "# function.sh")));
    let post = function.post(Event::new("{}"));
    assert_eq!(post.body, b"fetch begins\nbuild begins\nupload begins\n");
    assert_eq!(post.chunks.len(), 3);
}

#[test]
fn an_empty_answer_is_streamed_too() {
    for (_, function) in both(":") {
        for _ in 0..2 {
            let post = function.post(Event::new("{}"));
            assert_eq!((post.kind.as_str(), post.body.len()), ("response", 0));
            assert_eq!(post.headers["lambda-runtime-function-response-mode"], "streaming");
        }
    }
}

#[test]
fn two_hundred_megabytes_pass_and_the_memory_stays_flat() {
    for (kind, function) in blocks() {
        assert_eq!(function.answer("1").len(), BLOCK, "{kind}");
        let before = processes::peak(function.pid());
        let post = function.post(Event::new("3200"));
        assert_eq!((post.kind.as_str(), post.body.len()), ("response", 3200 * BLOCK), "{kind}");
        assert!(post.trailers.is_empty(), "{kind}");
        let grown = processes::peak(function.pid()) - before;
        assert!(grown < 4096, "{kind}: {grown} KiB");
        assert_eq!(function.answer("1").len(), BLOCK, "{kind}");
    }
}

#[test]
fn a_slow_reader_slows_the_handler() {
    for (kind, function) in blocks() {
        assert_waits_for_its_reader(&function, kind);
    }
}

/// The size of a block, in bytes.
const BLOCK: usize = 65536;

/// Handlers that write as many blocks as their event says, and the number of each to the file `written`.
fn blocks() -> Vec<(&'static str, Running)> {
    all(
        "for ((i = 0; i < $1; i++)); do printf '%65535s\\n' ''; echo $i >written; done",
        r#"(let ((line (make-string 65535 :initial-element #\x)))
             (dotimes (count (parse-integer event))
               (write-line line)
               (with-open-file (out "written" :direction :output :if-exists :supersede) (print count out))))"#,
        "$line = 'x' * 65535; for ($i = 0; $i -lt $d; $i++) { $line; [IO.File]::WriteAllText(\"$PWD/written\", $i) }",
    )
}

fn assert_waits_for_its_reader(function: &Running, kind: &str) {
    // far more than the sockets and the pipe hold
    let (count, size) = (1024, 1024 * BLOCK);
    let written = || fs::read_to_string(function.task_root.path().join("written")).unwrap_or_default();
    function.api.receive_with([Reception::Slow]);
    let id = function.api.send(Event::new(count.to_string()));
    let mut last = (written(), Instant::now());
    until("a handler that waits", || {
        if written() != last.0 {
            last = (written(), Instant::now());
        }
        !last.0.is_empty() && last.1.elapsed() > Duration::from_millis(300)
    });
    assert!(last.0.trim().parse::<usize>().unwrap() < count / 2, "{kind}: {}", last.0);
    function.api.release();
    assert_eq!(function.api.wait(&id).body.len(), size, "{kind}");
    assert_eq!(function.answer(count.to_string()).len(), size, "{kind}");
}
