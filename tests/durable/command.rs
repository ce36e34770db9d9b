//! The command `durable`, against a socket of the tests' own.

use std::{
    io::Write,
    os::unix::{
        net::UnixListener,
        process::{CommandExt, ExitStatusExt},
    },
    process::{Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use script_runtime::internals::message::Message;
use tempfile::TempDir;

use crate::support::{BOOTSTRAP, PATIENCE};

/// The end of a command, and its requests.
struct Done {
    requests: Vec<String>,
    stdout: Vec<u8>,
    stderr: String,
    status: ExitStatus,
}

impl Done {
    fn status(&self) -> i32 {
        self.status.code().unwrap_or_else(|| panic!("{}: {}", self.status, self.stderr))
    }
}

/// A message as a line: the verb, and its fields behind `|`.
fn line(message: &Message) -> String {
    let fields = message.fields.iter().map(|(key, value)| format!("|{key}={}", value.escape_ascii()));
    format!("{}{}", message.verb, fields.collect::<String>())
}

/// The message of such a line, without escapes.
fn message(line: &str) -> Message {
    let mut parts = line.split('|');
    let message = Message::new(parts.next().unwrap());
    parts.map(|field| field.split_once('=').unwrap()).fold(message, |message, (key, value)| message.with(key, value))
}

/// Runs `durable` with these arguments, behind variables with `=`, while a bootstrap gives these replies.
fn durable(words: &[&str], replies: &[&str]) -> Done {
    with_input(words, replies, b"")
}

fn with_input(words: &[&str], replies: &[&str], input: &[u8]) -> Done {
    let folder = TempDir::new().unwrap();
    let socket = folder.path().join("socket");
    let listener = UnixListener::bind(&socket).unwrap();
    let replies: Vec<_> = replies.iter().map(|reply| message(reply)).collect();
    let bootstrap = thread::spawn(move || {
        let mut requests = Vec::new();
        let mut stream = listener.accept().unwrap().0;
        for reply in &replies {
            requests.push(line(&Message::read(&mut stream).unwrap().unwrap()));
            reply.write(&mut stream).unwrap();
        }
        assert_eq!(Message::read(&mut stream).unwrap(), None);
        requests
    });
    let is_variable = |word: &&&str| word.contains('=') && !word.starts_with('-');
    let variables: Vec<_> = words.iter().take_while(is_variable).collect();
    let mut command = Command::new(BOOTSTRAP);
    command.arg0("/somewhere/durable").args(&words[variables.len()..]).env("DURABLE_SOCKET", &socket);
    command.envs(variables.iter().map(|variable| variable.split_once('=').unwrap()));
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let _ = stdin.write_all(input);
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    Done {
        requests: bootstrap.join().unwrap(),
        stdout: output.stdout,
        stderr: String::from_utf8(output.stderr).unwrap(),
        status: output.status,
    }
}

/// Runs the bootstrap by this name, without a durable execution.
fn bare(name: &str, words: &[&str], variables: &[(&str, &str)]) -> (i32, String, String) {
    let mut command = Command::new(BOOTSTRAP);
    command.arg0(name).args(words).env_remove("DURABLE_SOCKET").envs(variables.iter().copied());
    let output = command.stdin(Stdio::null()).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn each_verb_makes_its_request_and_prints_the_reply() {
    for (words, request, reply, printed) in [
        (&["step", "a b", "true"][..], "step|context=|name=a b|arg=true", "done|result=x", "x\n"),
        (
            &["step", "--retry", "3", "n", "--backoff=1m", "--rate", "1.5", "--", "f", "--retry", "-1"],
            "step|context=|name=n|arg=f|arg=--retry|arg=-1|retry=3|backoff=60|rate=1.5",
            "done|result=two\nlines",
            "two\nlines\n",
        ),
        (
            &["step", "n", "--at-most-once", "--any-args", "--max-delay", "1h", "--retry-on", "3", "--retry-on=4", "f"],
            "step|context=|name=n|arg=f|any-args=1|at-most-once=1|max-delay=3600|retry-on=3|retry-on=4",
            "done|result=",
            "",
        ),
        (&["DURABLE_CONTEXT=c", "step", "--", "-n", "f", "--"], "step|context=c|name=-n|arg=f|arg=--", "done", ""),
        (&["wait", "3d"], "wait|context=|seconds=259200|name=wait", "done|result=", ""),
        (&["DURABLE_CONTEXT=c", "wait", "90", "--name", "w"], "wait|context=c|seconds=90|name=w", "done", ""),
        (&["wait", "--until", "1970-01-02T00:00:00Z"], "wait|context=|until=86400|name=wait", "done", ""),
        (
            &["callback-id", "n", "--timeout", "2w", "--heartbeat", "10"],
            "callback|context=|name=n|timeout=1209600|heartbeat=10",
            "created|id=1|callback=abc",
            "abc\n",
        ),
        (&["callback-result", "n"], "result|context=|name=n", "done|result={}", "{}\n"),
        (
            &["invoke", "f:1", "{}", "--tenant", "t"],
            "invoke|context=|function=f:1|event={}|name=f:1|tenant=t",
            "done|result=1",
            "1\n",
        ),
        (&["invoke", "f:1", "-", "--name", "n"], "invoke|context=|function=f:1|event=input|name=n", "done", ""),
        (
            &["until", "n", "--every", "30s", "--timeout", "1h", "f"],
            "step|context=|name=n|arg=f|every=30|timeout=3600",
            "done|result=x",
            "x\n",
        ),
        (&["context", "n", "f"], "context|context=|name=n|sub-type=RunInChildContext", "done|result=x", "x\n"),
        (&["callback", "n", "--", "f"], "context|context=|name=n|sub-type=WaitForCallback", "done|result=x", "x\n"),
        (&["replaying"], "replaying|context=", "yes", ""),
    ] {
        let done = with_input(words, &[reply], b"input");
        assert_eq!(done.requests, [format!("{request}|client=command")], "{words:?}");
        assert_eq!((String::from_utf8(done.stdout.clone()).unwrap(), &done.stderr[..]), (printed.to_owned(), ""));
        assert_eq!(done.status(), 0, "{words:?}");
    }
    assert_eq!(durable(&["replaying"], &["no"]).status(), 1);
}

#[test]
fn the_command_of_a_step_is_run_and_its_end_is_told() {
    let end = |fields: &str| format!("end|id=7|{fields}|client=command");
    let failed = |status: &str, of: &str, message: &str| end(&format!("status={status}|type={of}|message={message}"));
    let exit = |status, message| failed(status, "Function.ExitStatus", message);
    for (script, expected) in [
        ("printf 'a\\nb\\n\\n'", end("result=a\\nb")),
        ("true", end("result=")),
        ("printf 'a\\0b'", end("result=a\\x00b")),
        ("echo $DURABLE_STEP $DURABLE_ATTEMPT ${DURABLE_STATE-unset}; cat", end("result=n 2 unset")),
        ("(sleep 0.1; echo late) & echo soon", end("result=soon\\nlate")),
        ("echo ignored; echo first >&2; echo last >&2; exit 3", exit("3", "`sh` ended with status 3: last")),
        ("exit 4", exit("4", "`sh` ended with status 4")),
        ("kill -9 $$", failed("137", "Function.Signal", "`sh` was ended by signal: 9 (SIGKILL)")),
        (
            "printf '\\377'",
            failed(
                "1",
                "Durable.InvalidResult",
                "`sh` has printed bytes that are no UTF-8, and results are text: encode them, as with `base64`",
            ),
        ),
        (
            "head -c 6291457 /dev/zero | tr '\\0' x",
            failed(
                "1",
                "Durable.ResultTooLarge",
                "`sh` has printed more than 6291456 bytes, which no step can keep: put them into Amazon S3 and print \
                 their address",
            ),
        ),
    ] {
        let run = "run|id=7|attempt=2|state=";
        let done = with_input(&["step", "n", "sh", "-c", script], &[run, "done|result=kept"], b"input");
        assert_eq!(done.requests[1], expected, "{script}");
        assert_eq!((&done.stdout[..], done.status()), (&b"kept\n"[..], 0));
    }
    let done =
        durable(&["step", "n", "sh", "-c", "head -c 6291456 /dev/zero | tr '\\0' x"], &["run|id=7|attempt=1", "done"]);
    assert_eq!(done.requests[1].len(), end("result=").len() + 6_291_456);
}

#[test]
fn a_failed_step_has_its_message_and_its_status() {
    let done = durable(
        &["step", "n", "sh", "-c", "echo said >&2; exit 3"],
        &["run|id=7|attempt=1", "failed|status=3|type=T|message=the reason"],
    );
    assert_eq!((&done.stderr[..], done.status()), ("said\ndurable: the reason\n", 3));
    let done = durable(&["step", "n", "true"], &["failed|status=4|message=kept\nfor replays"]);
    assert_eq!((&done.stderr[..], done.status()), ("durable: kept\nfor replays\n", 4));
    for reply in ["failed|message=m", "failed|message=m|status=0", "failed|message=m|status=x"] {
        assert_eq!(durable(&["callback-result", "n"], &[reply]).status(), 1, "{reply}");
    }
}

#[test]
fn a_step_is_run_again_where_the_bootstrap_says_so() {
    let runs = ["run|id=7|attempt=1", "run|id=7|attempt=2", "done|result=two"];
    let done = durable(&["step", "n", "sh", "-c", "[ $DURABLE_ATTEMPT = 2 ] && echo two"], &runs);
    let ends: Vec<_> = done.requests[1..].iter().map(|end| end.split('|').nth(2).unwrap()).collect();
    assert_eq!(ends, ["status=1", "result=two"]);
    assert_eq!(done.stdout, b"two\n");
}

#[test]
fn a_command_that_cannot_be_run_is_named() {
    let folder = TempDir::new().unwrap();
    let file = |name: &str, text: &str, mode| {
        use std::{fs, os::unix::fs::PermissionsExt};
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path.display().to_string()
    };
    let plain = file("plain", "echo", 0o644);
    let script = file("script", "echo \"without a first line: $1\"\n", 0o755);
    for (command, end) in [
        ("durable-is-not-there", "status=127|type=Function.ExitStatus|message=`durable-is-not-there` cannot be run: No such file or directory (os error 2)".to_owned()),
        (&plain, format!("status=126|type=Function.ExitStatus|message=`{plain}` cannot be run: Permission denied (os error 13)")),
        (&script, "result=without a first line: x".to_owned()),
    ] {
        let done = durable(&["step", "n", command, "x"], &["run|id=7|attempt=1", "done"]);
        assert_eq!(done.requests[1], format!("end|id=7|{end}|client=command"));
    }
}

#[test]
fn standard_input_is_given_on_and_is_an_argument_where_it_is_asked_for() {
    for (reply, count) in [("run|id=7|attempt=1", 2), ("done|result=kept", 1)] {
        let replies = [reply, "done|result=kept"];
        let done = with_input(&["step", "n", "--stdin", "tr", "a-z", "A-Z"], &replies[2 - count..][..count], b"text");
        if count == 2 {
            assert_eq!(done.requests[1], "end|id=7|result=TEXT|client=command");
        }
        assert_eq!(done.requests[0], "step|context=|name=n|arg=tr|arg=a-z|arg=A-Z|arg=text|client=command");
    }
}

#[test]
fn until_gives_its_state_on_and_ends_with_status_0() {
    let until = |options: &[&str], script: &str| {
        let script = script.to_owned();
        let words = [&["until", "n", "--every", "1s"], options, &["sh", "-c", &script]].concat();
        let done = durable(&words, &["run|id=7|attempt=2|state=1", "done"]);
        done.requests[1].strip_suffix("|client=command").unwrap().to_owned()
    };
    let next = "echo $((DURABLE_STATE + 1)); exit ";
    assert_eq!(until(&[], &format!("{next} 1")), "end|id=7|again=2");
    assert_eq!(until(&[], &format!("{next} 3")), "end|id=7|again=2");
    assert_eq!(until(&[], &format!("{next} 0")), "end|id=7|result=2");
    assert_eq!(until(&["--retry-on", "3"], &format!("{next} 3")), "end|id=7|again=2");
    assert!(until(&["--retry-on", "3"], &format!("{next} 1")).starts_with("end|id=7|status=1|"));
    for fatal in ["exit 127", "kill -9 $$"] {
        assert!(until(&[], fatal).contains("|type=Function."), "{fatal}");
    }
}

#[test]
fn a_callback_is_a_context_with_a_callback_and_a_step() {
    let words = ["callback", "n", "--timeout", "1h", "--retry", "2", "--", "echo", "x"];
    let script = ["callback", "n", "--", "sh", "-c", "echo $0 $DURABLE_CALLBACK_ID $DURABLE_STEP"];
    let around = "run|id=c|attempt=1";
    let done = durable(
        &words,
        &[around, "created|id=b|callback=abc", "done|result=abc", "done|result=yes", "done|result=yes"],
    );
    assert_eq!(
        done.requests,
        [
            "context|context=|name=n|sub-type=WaitForCallback|client=command",
            "callback|context=c|name=n create callback id|timeout=3600|client=command",
            "step|context=c|name=n submitter|arg=echo|arg=x|retry=2|client=command",
            "result|context=c|id=b|client=command",
            "end|result=yes|id=c|client=command",
        ]
    );
    assert_eq!((&done.stdout[..], done.status()), (&b"yes\n"[..], 0));
    let done = durable(
        &script,
        &[
            around,
            "created|id=b|callback=abc",
            "run|id=s|attempt=1",
            "done",
            "failed|status=1|type=Callback.TimedOut|message=late",
            "failed|status=1|type=Callback.TimedOut|message=late",
        ],
    );
    assert_eq!(done.requests[3], "end|id=s|result=abc abc n submitter|client=command");
    assert_eq!(done.requests[5], "end|status=1|type=Callback.TimedOut|message=late|id=c|client=command");
    assert_eq!((&done.stderr[..], done.status()), ("durable: late\n", 1));
    let failed = "failed|status=9|type=Function.ExitStatus|message=submitter";
    let done = durable(&script, &[around, "created|id=b|callback=abc", failed, failed]);
    assert_eq!(done.requests[3], "end|status=9|type=Function.ExitStatus|message=submitter|id=c|client=command");
    assert_eq!(done.status(), 9);
}

#[test]
fn a_context_is_known_to_its_command() {
    let words =
        ["DURABLE_CONTEXT=outer", "context", "n", "--", "sh", "-c", "echo $DURABLE_CONTEXT ${DURABLE_STEP-none}"];
    let done = durable(&words, &["run|id=inner", "done|result=x"]);
    assert_eq!(done.requests[0], "context|context=outer|name=n|sub-type=RunInChildContext|client=command");
    assert_eq!(done.requests[1], "end|id=inner|result=inner none|client=command");
}

#[test]
fn a_wrong_command_line_is_answered_by_the_form() {
    let step = "the form is `durable step NAME [OPTIONS] [--] COMMAND…`";
    let wait = "the form is `durable wait DURATION | --until TIME [--name NAME]`";
    for (words, message) in [
        (&["step"][..], format!("the name is missing: {step}")),
        (&["step", "n"], format!("the command is missing: {step}")),
        (&["step", "--retry", "n", "true"], format!("`--retry` takes a number, not `n`: {step}")),
        (&["step", "n", "--retry"], format!("`--retry` needs a value: {step}")),
        (&["step", "n", "--every", "1s", "true"], format!("`--every` is no option of it: {step}")),
        (&["step", "n", "--stdin=x", "true"], format!("`--stdin` takes no value: {step}")),
        (&["step", "n", "-x", "true"], format!("`-x` is no option of it: {step}")),
        (&["step", "n", "--rate", "0.5", "true"], format!("`--rate` takes a number from 1 on, not `0.5`: {step}")),
        (
            &["step", "n", "--retry-on", "256", "true"],
            format!("`--retry-on` takes an exit status from 1 to 255, not `256`: {step}"),
        ),
        (
            &["step", "n", "--backoff", "soon", "true"],
            format!("`--backoff` takes a time as 90s, 15m, 12h, 3d or 2w, up to 366 days, not `soon`: {step}"),
        ),
        (&["wait"], format!("a duration is missing: {wait}")),
        (&["wait", "3d", "4d"], format!("`4d` is one word too many: {wait}")),
        (&["wait", "3d", "--until", "@1"], format!("`3d` is one word too many: {wait}")),
        (&["wait", "367d"], format!("`367d` is no duration as 90s, 15m, 12h, 3d or 2w, up to 366 days: {wait}")),
        (
            &["wait", "--until", "tomorrow"],
            format!("`--until` takes a time as `2026-11-29T18:00:00Z` or `@1795975200`, not `tomorrow`: {wait}"),
        ),
        (
            &["until", "n", "true"],
            "`--every` is missing: the form is `durable until NAME --every DURATION [OPTIONS] [--] COMMAND…`".into(),
        ),
        (
            &["callback", "n"],
            "the command is missing: the form is `durable callback NAME [OPTIONS] -- COMMAND…`".into(),
        ),
        (&["fail", "T"], "the message of the error is missing: the form is `durable fail TYPE MESSAGE`".into()),
        (&["replaying", "x"], "`x` is one word too many: the form is `durable replaying`".into()),
        (&["stop"], "`stop` is no verb of `durable`; `durable --help` shows what there is".into()),
        (
            &[],
            "a verb is missing: step, wait, callback, callback-id, callback-result, invoke, until, context, fail, \
             replaying; `durable --help` shows what there is"
                .into(),
        ),
    ] {
        let expected = (64, String::new(), format!("durable: {message}\n"));
        assert_eq!(bare("durable", words, &[]), expected, "{words:?}");
        assert_eq!(bare("bootstrap", &[&["durable"], words].concat(), &[]), expected, "{words:?}");
    }
    for words in [&["--help"][..], &["step", "--help"], &["wait", "-h"]] {
        let (status, stdout, stderr) = bare("durable", words, &[]);
        assert!(stdout.starts_with("Steps, waits and callbacks of a durable execution.\n"), "{stdout}");
        assert_eq!((status, &stderr[..]), (0, ""));
    }
}

#[test]
fn a_request_that_cannot_be_made_is_answered_by_one_line() {
    let step = ["step", "n", "true"];
    let none = "durable: this is no durable execution: on Lambda the function needs a `DurableConfig`, elsewhere \
                `bootstrap --durable HANDLER EVENT` runs one\n";
    assert_eq!(bare("durable", &step, &[]), (70, String::new(), none.to_owned()));
    let gone = "durable: the bootstrap does not answer at `/gone`, the event may be over: No such file or directory \
                (os error 2)\n";
    assert_eq!(bare("durable", &step, &[("DURABLE_SOCKET", "/gone")]), (70, String::new(), gone.to_owned()));
    let inside = "durable: this is a part of the step `outer`, which is recorded as one: call `durable` outside of it, \
                  or make it a `durable context`\n";
    let variables = [("DURABLE_SOCKET", "/gone"), ("DURABLE_STEP", "outer")];
    assert_eq!(bare("durable", &step, &variables), (70, String::new(), inside.to_owned()));
    let large = vec![b'x'; 9 * 1024 * 1024];
    let done = with_input(&["step", "n", "--stdin", "cat"], &[], &large);
    let message = "durable: a field of this length on the socket of a durable function: give the command a file, or the \
                   address of an object in Amazon S3\n";
    assert_eq!((&done.stderr[..], done.status()), (message, 70));
    let done = durable(&step, &["refused|message=the name is in use"]);
    assert_eq!((&done.stderr[..], done.status()), ("durable: the name is in use\n", 70));
}

#[test]
fn standard_error_of_a_process_that_is_left_behind_is_passed_on() {
    let folder = TempDir::new().unwrap();
    let script = format!(
        "(exec >&-; until [ -e {0}/go ]; do sleep 0.01; done; echo late >&2; echo $? >{0}/said) & echo soon >&2",
        folder.path().display()
    );
    let words = ["step", "n", "sh", "-c", &script];
    let log = folder.path().join("log");
    let socket = folder.path().join("socket");
    let listener = UnixListener::bind(&socket).unwrap();
    let mut command = Command::new(BOOTSTRAP);
    command.arg0("durable").args(words).env("DURABLE_SOCKET", &socket).stdin(Stdio::null());
    command.stderr(std::fs::File::create(&log).unwrap()).stdout(Stdio::piped());
    let child = command.spawn().unwrap();
    let mut stream = listener.accept().unwrap().0;
    for reply in ["run|id=7|attempt=1", "done|result=x"] {
        Message::read(&mut stream).unwrap().unwrap();
        message(reply).write(&mut stream).unwrap();
    }
    // nobody has its standard output: that ends here
    let output = child.wait_with_output().unwrap();
    assert_eq!((&output.stdout[..], output.status.into_raw()), (&b"x\n"[..], 0));
    std::fs::write(folder.path().join("go"), "").unwrap();
    let deadline = Instant::now() + PATIENCE;
    while std::fs::read_to_string(&log).unwrap() != "soon\nlate\n" {
        assert!(Instant::now() < deadline, "{}", std::fs::read_to_string(&log).unwrap());
        thread::sleep(Duration::from_millis(5));
    }
    let said = std::fs::read_to_string(folder.path().join("said"));
    assert!(said.is_ok_and(|said| said.trim() == "0"));
}

#[test]
fn a_suspended_command_goes_no_further() {
    let folder = TempDir::new().unwrap();
    let socket = folder.path().join("socket");
    let listener = UnixListener::bind(&socket).unwrap();
    for reply in [Some("suspend"), None] {
        let mut command = Command::new(BOOTSTRAP);
        command.arg0("durable").args(["wait", "3d"]).env("DURABLE_SOCKET", &socket).stdin(Stdio::null());
        let mut child = command.spawn().unwrap();
        let mut stream = listener.accept().unwrap().0;
        Message::read(&mut stream).unwrap().unwrap();
        if let Some(reply) = reply {
            message(reply).write(&mut stream).unwrap();
        }
        drop(stream);
        let deadline = Instant::now() + Duration::from_millis(300);
        while Instant::now() < deadline {
            assert_eq!(child.try_wait().unwrap(), None, "{reply:?}");
            thread::sleep(Duration::from_millis(10));
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
