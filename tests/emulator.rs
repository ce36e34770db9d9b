//! Behind the real Runtime Interface Emulator: `AWS_LAMBDA_RIE` names it, or `aws-lambda-rie` is on the `PATH`.

use std::{
    collections::{HashMap, HashSet},
    fs, io,
    net::TcpStream,
    path::Path,
    process::{Child, Command, Stdio},
};

use tempfile::NamedTempFile;

use crate::support::{
    BOOTSTRAP, Function,
    http::{self, Message, free_port},
    needs::path_of,
    repository,
    served::PATH,
    until,
};

struct Emulator {
    child: Child,
    port: u16,
    function: Function,
    log: NamedTempFile,
}

impl Emulator {
    /// The emulator with this function behind it; `None` where there is no emulator.
    fn start(function: Function, handler: &str) -> Option<Self> {
        Self::start_by(function, handler, BOOTSTRAP, |program| Command::new(program))
    }

    /// The same, by a command of one's own, with the bootstrap at this path.
    fn start_by(function: Function, handler: &str, bootstrap: &str, start: impl Fn(&Path) -> Command) -> Option<Self> {
        let program = path_of("emulator")?;
        let (port, api_port) = (free_port(), free_port());
        let log = NamedTempFile::new().unwrap();
        let output = log.reopen().unwrap();
        let mut command = start(&program);
        command
            .arg("--runtime-interface-emulator-address")
            .arg(format!("127.0.0.1:{port}"))
            .arg("--runtime-api-address")
            .arg(format!("127.0.0.1:{api_port}"))
            .args([bootstrap, handler])
            .current_dir(function.path(""))
            .env("LAMBDA_TASK_ROOT", function.path(""))
            .env("AWS_LAMBDA_FUNCTION_TIMEOUT", "20")
            .stdin(Stdio::null())
            .stdout(Stdio::from(output.try_clone().unwrap()))
            .stderr(Stdio::from(output));
        function.change_environment(&mut command);
        let child = command.spawn().unwrap();
        until("the emulator", || TcpStream::connect(("127.0.0.1", port)).is_ok());
        Some(Self { child, port, function, log })
    }

    /// The status line and the body of an invocation.
    fn invoke(&self, event: &[u8]) -> (String, String) {
        self.try_invoke(event).unwrap()
    }

    /// The same, where the emulator may refuse an event before it has read it.
    fn try_invoke(&self, event: &[u8]) -> io::Result<(String, String)> {
        let request = Message {
            start: format!("POST {PATH} HTTP/1.1"),
            headers: HashMap::from([("host".to_owned(), "localhost".to_owned())]),
            body: event.to_vec(),
        };
        let mut reader = http::send(("127.0.0.1", self.port), &request.bytes())?;
        let response = Message::read(&mut reader)?.ok_or(io::ErrorKind::UnexpectedEof)?;
        Ok((response.start, String::from_utf8(response.body).unwrap()))
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        // SIGTERM: the emulator takes the bootstrap along
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
    }
}

/// In a namespace of its own: the emulator insists on `/var/runtime/bootstrap` and `/var/task`, as in a container.
const AS_IN_A_CONTAINER: &str = "mount -t tmpfs none /var && mkdir -p /var/runtime /var/task /var/tmp && \
    cp \"$BOOTSTRAP\" /var/runtime/bootstrap && cp \"$LAMBDA_TASK_ROOT\"/* /var/task && \
    chmod 777 /var/task && export LAMBDA_TASK_ROOT=/var/task && cd /var/task && exec \"$@\"";

#[test]
fn several_callers_are_answered_at_once_each_under_its_own_request_id() {
    needs!(mounts);
    // each waits a moment for the others of its round
    let code = "handler() { touch $1; for i in {1..100}; do at=(${1%-*}-*); ((${#at[@]} < 4)) || break; sleep 0.01; done; \
                ((i < 100)); echo \"$1 $AWS_LAMBDA_RUNTIME_AWS_REQUEST_ID\"; }";
    let function = Function::bash(code).env("AWS_LAMBDA_MAX_CONCURRENCY", "4").env("BOOTSTRAP", BOOTSTRAP);
    let emulator = Emulator::start_by(function, "function.handler", "/var/runtime/bootstrap", |program| {
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", AS_IN_A_CONTAINER, "sh"]).arg(program);
        command
    });
    let Some(emulator) = emulator else { return };
    let mut ids = HashSet::new();
    let mut round = 0;
    for _ in 0..2 {
        // it refuses events where no worker asks for one
        until("four workers", || {
            round += 1;
            let events = ["a", "b", "c", "d"].map(|name| format!("{round}-{name}"));
            let answers = std::thread::scope(|scope| {
                let calls = events.each_ref().map(|event| scope.spawn(|| emulator.try_invoke(event.as_bytes())));
                calls.map(|call| call.join().unwrap().map(|(_, body)| body).unwrap_or_default())
            });
            let own =
                |(event, answer): (&String, &String)| answer.strip_prefix(&format!("{event} ")).map(str::to_owned);
            let found: Vec<_> = events.iter().zip(&answers).filter_map(own).collect();
            ids.extend(found.iter().cloned());
            found.len() == 4
        });
    }
    assert!(ids.len() >= 8, "{ids:?}");
    let log = fs::read_to_string(emulator.log.path()).unwrap();
    for id in &ids {
        assert_eq!(log.matches(&format!("START RequestId: {id}")).count(), 1, "{id}: {log}");
    }
}

#[test]
fn a_streamed_answer_comes_as_a_whole() {
    let code = "handler() { for word in a b c; do echo $word; sleep 0.05; done; [[ $1 != *fail* ]] || exit 3; }";
    let function = Function::bash(code).env("SCRIPT_RUNTIME_RESPONSE_MODE", "streaming");
    let Some(emulator) = Emulator::start(function, "function.handler") else { return };
    // of an error behind the first byte it knows nothing
    for event in ["{}", "\"fail\"", "{}"] {
        assert_eq!(emulator.invoke(event.as_bytes()), ("HTTP/1.1 200 OK".to_owned(), "a\nb\nc\n".to_owned()));
    }
}

#[test]
fn a_function_with_a_hook_for_the_shutdown_answers_and_runs_it() {
    let code = "on_shutdown() { echo bye >\"$LAMBDA_TASK_ROOT/said\"; }\nhandler() { echo \"got $1\"; }";
    let Some(emulator) = Emulator::start(Function::bash(code), "function.handler") else { return };
    for event in ["1", "2"] {
        assert_eq!(emulator.invoke(event.as_bytes()), ("HTTP/1.1 200 OK".to_owned(), format!("got {event}")));
    }
    let said = emulator.function.path("said");
    assert!(!said.exists());
    let _ = Command::new("kill").arg(emulator.child.id().to_string()).status();
    until("the hook", || fs::read_to_string(&said).is_ok_and(|said| said == "bye\n"));
}

#[test]
fn the_sample_answers_an_api_gateway_event() {
    let function = Function::with(&[]).copy("function/function.sh", "function.sh");
    let Some(emulator) = Emulator::start(function, "function.handler") else { return };
    let event = fs::read(repository().join("tests/events/api-gateway-v2.json")).unwrap();
    for _ in 0..2 {
        let (status, body) = emulator.invoke(&event);
        assert_eq!(status, "HTTP/1.1 200 OK");
        let id = body.strip_prefix(r#"{"statusCode":200,"body":"Hello from Bash, request "#).unwrap();
        assert_eq!(id.len(), 36 + 2, "{body}");
    }
}

#[test]
fn an_error_reaches_the_caller_and_the_next_event_is_answered() {
    let code = "handler() { [[ $1 != fail ]] || { echo why >&2; exit 3; }; printf %s \"$1\"; }";
    let Some(emulator) = Emulator::start(Function::bash(code), "function.handler") else { return };
    let (_, body) = emulator.invoke(b"fail");
    let error: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(error["errorType"], "Function.ExitStatus");
    assert_eq!(error["errorMessage"], "the handler ended with status 3: why");
    // an `exit` has none
    assert_eq!(error["stackTrace"], serde_json::json!([]));
    assert_eq!(emulator.invoke(b"not json: \xc3\xa4").1, "not json: ä");
}

#[test]
fn an_init_error_reaches_the_caller() {
    let Some(emulator) = Emulator::start(Function::bash("x() { :; }"), "function.handler") else { return };
    let (_, body) = emulator.invoke(b"{}");
    assert!(body.contains("Runtime.HandlerNotFound"), "{body}");
}

#[test]
fn a_local_server_answers_as_the_emulator_does() {
    let code = "handler() { [[ $1 != fail ]] || { echo why >&2; exit 3; }; printf %s \"$1\"; }";
    let Some(emulator) = Emulator::start(Function::bash(code), "function.handler") else { return };
    let served = Function::bash(code).serve(&[]);
    // not an empty body: of it Lambda makes `{}`, and the emulator nothing
    for event in ["{\"a\": 1}", "not json: \u{e4}", "fail", "next"] {
        let (status, body) = emulator.invoke(event.as_bytes());
        let response = served.call(event).response();
        assert_eq!(status, format!("HTTP/1.1 {} OK", response.status));
        // the stack of an error has the task root
        let roots = [emulator.function.path(""), served.running.task_root.path().join("")];
        let [emulators, ours] = roots.map(|root| root.display().to_string());
        assert_eq!(String::from_utf8(response.body).unwrap(), body.replace(&emulators, &ours), "{event}");
    }
}
