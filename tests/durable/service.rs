//! A stand-in of the service that keeps durable executions, which can fail on purpose. It refuses what the service refuses,
//! and time passes when a test says so.

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    io::{self, BufReader, Read, Write},
    sync::{Arc, Mutex, MutexGuard},
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde_json::{Value, json};
use tokio_rustls::rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::support::{
    http::{Message, Server},
    processes::{self, SIGKILL},
};

/// The ARN of the one execution.
pub const ARN: &str = "arn:aws:lambda:us-east-1:123456789012:function:f:1/durable-execution/name/id";

/// The part in front of all paths, to show that an endpoint's own path is kept.
const PREFIX: &str = "/stand-in";

/// The fault of one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// None.
    None,
    /// Nothing is made, and the answer is this error: status, type, message.
    Refuse(u16, &'static str, &'static str),
    /// Nothing is made, and the connection is closed.
    Drop,
    /// All is made, and the connection is closed.
    Lose,
    /// All is made, and the answer is no JSON.
    Garble,
    /// All is made, and the answer has no token.
    KeepToken,
    /// The bootstrap is killed, and nothing is made.
    KillBefore,
    /// All is made, and the bootstrap is killed.
    KillAfter,
    /// All is made, and the answer comes this much later.
    Delay(Duration),
}

/// The service, with one execution.
#[derive(Clone)]
pub struct Service {
    port: u16,
    scheme: &'static str,
    shared: Arc<Mutex<State>>,
    _server: Arc<Server>,
}

#[derive(Default)]
struct State {
    operations: Vec<Value>,
    /// The operations that no answer has shown since they changed.
    changed: BTreeSet<String>,
    /// The number of the last token; none is good between a `KeepToken` and the next invocation.
    token: usize,
    withheld: bool,
    faults: VecDeque<Fault>,
    /// The answers, by the token and the client's token of their calls.
    answers: HashMap<(String, String), Vec<u8>>,
    /// The headers and the bodies of the checkpoints as they came.
    checkpoints: Vec<Message>,
    /// How many connections there were.
    connections: usize,
    /// How many operations a page has.
    page_size: Option<usize>,
    /// The process that faults kill.
    victim: Option<u32>,
    /// How much later the answer is sent.
    delay: Duration,
}

impl Service {
    pub fn start() -> Self {
        Self::listen(None)
    }

    /// The same over TLS, by the certificate of this configuration.
    pub fn start_tls(config: ServerConfig) -> Self {
        Self::listen(Some(Arc::new(config)))
    }

    fn listen(tls: Option<Arc<ServerConfig>>) -> Self {
        let shared = Arc::<Mutex<State>>::default();
        let scheme = if tls.is_some() { "https" } else { "http" };
        let server = Arc::clone(&shared);
        let running = Server::start(move |connection| {
            server.lock().unwrap().connections += 1;
            match &tls {
                None => converse(&server, connection),
                Some(config) => {
                    let tls = ServerConnection::new(Arc::clone(config)).map_err(io::Error::other)?;
                    converse(&server, StreamOwned::new(tls, connection))
                }
            }
        });
        Self { port: running.address.port(), scheme, shared, _server: Arc::new(running) }
    }

    pub fn url(&self) -> String {
        format!("{}://127.0.0.1:{}{PREFIX}/", self.scheme, self.port)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.shared.lock().unwrap()
    }

    /// The next calls go like this.
    pub fn fail_with(&self, faults: impl IntoIterator<Item = Fault>) {
        self.lock().faults.extend(faults);
    }

    /// Pages have this many operations.
    pub fn give_pages_of(&self, operations: usize) {
        self.lock().page_size = Some(operations);
    }

    /// Faults kill this process.
    pub fn kill(&self, pid: u32) {
        self.lock().victim = Some(pid);
    }

    /// Begins an invocation: its event.
    pub fn begin(&self, input: &str) -> Vec<u8> {
        let mut state = self.lock();
        if state.operations.is_empty() {
            state.operations.push(json!({
                "Id": "id", "Type": "EXECUTION", "Status": "STARTED", "StartTimestamp": 1_795_900_000_123_u64,
                "ExecutionDetails": { "InputPayload": input },
            }));
        }
        state.withheld = false;
        let token = state.next_token();
        let (operations, marker) = state.page(0);
        state.changed.clear();
        let event = json!({
            "DurableExecutionArn": ARN,
            "CheckpointToken": token,
            "InitialExecutionState": { "Operations": operations, "NextMarker": marker },
            "UpdatedOperationIds": [],
        });
        event.to_string().into_bytes()
    }

    /// Lets all waits and delays pass.
    pub fn let_time_pass(&self) {
        for operation in &mut self.lock().operations {
            match (operation["Type"].as_str().unwrap(), operation["Status"].as_str().unwrap()) {
                // each function answers with its event
                ("WAIT" | "CHAINED_INVOKE", "STARTED") => operation["Status"] = "SUCCEEDED".into(),
                ("STEP", "PENDING") => operation["Status"] = "READY".into(),
                _ => {}
            }
        }
    }

    /// Ends the last operation of this name from outside: with this status and these details.
    pub fn end(&self, name: &str, status: &str, details: &Value) {
        let mut state = self.lock();
        let operation = state.operations.iter_mut().rfind(|operation| operation["Name"] == name).unwrap();
        operation["Status"] = status.into();
        for (kind, details) in details.as_object().unwrap() {
            for (key, value) in details.as_object().unwrap() {
                operation[kind][key] = value.clone();
            }
        }
    }

    /// Forgets the execution: the next invocation begins another one.
    pub fn forget(&self) {
        self.lock().operations.clear();
    }

    /// Answers the callbacks that are open: with a result, or an error of this type and message.
    pub fn answer_callbacks(&self, answer: Result<&str, (&str, &str)>) {
        for operation in &mut self.lock().operations {
            if operation["Type"] == "CALLBACK" && operation["Status"] == "STARTED" {
                let details = &mut operation["CallbackDetails"];
                let status = match answer {
                    Ok(result) => {
                        details["Result"] = result.into();
                        "SUCCEEDED"
                    }
                    Err((kind, message)) => {
                        details["Error"] = json!({ "ErrorType": kind, "ErrorMessage": message });
                        "FAILED"
                    }
                };
                operation["Status"] = status.into();
            }
        }
    }

    /// The operations with their names and statuses, as they were begun.
    pub fn operations(&self) -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let state = self.lock();
        state.operations[1..].iter().map(|own| (text(&own["Name"]), text(&own["Status"]))).collect()
    }

    /// The bodies of the checkpoints that have come.
    pub fn checkpoints(&self) -> Vec<Value> {
        self.lock().checkpoints.iter().map(|call| serde_json::from_slice(&call.body).unwrap()).collect()
    }

    /// How many connections there were.
    pub fn connections(&self) -> usize {
        self.lock().connections
    }

    /// The first checkpoint, as it came: its first line, its headers, its body.
    pub fn first_checkpoint(&self) -> (String, HashMap<String, String>, String) {
        let state = self.lock();
        let call = &state.checkpoints[0];
        (call.start.clone(), call.headers.clone(), String::from_utf8(call.body.clone()).unwrap())
    }
}

/// When an operation began, in seconds since 1970: longer ago than short timeouts last, and not as long as long ones.
fn began() -> f64 {
    let began = SystemTime::now() - Duration::from_secs(12 * 3600);
    began.duration_since(UNIX_EPOCH).unwrap().as_secs_f64()
}

/// Answers the calls of one connection.
fn converse(shared: &Mutex<State>, stream: impl Read + Write) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    while let Some(call) = Message::read(&mut stream)? {
        let (answer, delay) = {
            let mut state = shared.lock().unwrap();
            (state.answer(call), std::mem::take(&mut state.delay))
        };
        let Some((status, error_type, body)) = answer else { return Ok(()) };
        thread::sleep(delay);
        let head = format!(
            "HTTP/1.1 {status} -\r\nx-amzn-errortype: {error_type}\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n",
            body.len()
        );
        stream.get_mut().write_all(&[head.as_bytes(), &body].concat())?;
        stream.get_mut().flush()?;
    }
    Ok(())
}

/// A status, the type of an error, and a body; none closes the connection.
type Answer = Option<(u16, &'static str, Vec<u8>)>;

impl State {
    fn answer(&mut self, call: Message) -> Answer {
        let arn = percent_encoding::utf8_percent_encode(ARN, percent_encoding::NON_ALPHANUMERIC).to_string();
        // as it is encoded by botocore
        let arn = arn.replace("%2D", "-").replace("%5F", "_").replace("%2E", ".");
        let path = format!("{PREFIX}/2025-12-01/durable-executions/{arn}/");
        let rest = call.path().strip_prefix(&path).unwrap_or_else(|| panic!("{}", call.start)).to_owned();
        if let Some(query) = rest.strip_prefix("state?") {
            return Some(self.state(query));
        }
        assert_eq!((call.start.split(' ').next(), rest.as_str()), (Some("POST"), "checkpoint"));
        self.checkpoint(call)
    }

    fn state(&self, query: &str) -> (u16, &'static str, Vec<u8>) {
        let query: HashMap<String, String> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        if query["CheckpointToken"] != self.token() {
            return stale();
        }
        assert_eq!(query["MaxItems"], "1000");
        let (operations, marker) = self.page(query["Marker"].strip_prefix("at ").unwrap().parse().unwrap());
        let body = json!({ "Operations": operations, "NextMarker": marker });
        (200, "", body.to_string().into_bytes())
    }

    fn checkpoint(&mut self, call: Message) -> Answer {
        let request: Value = serde_json::from_slice(&call.body).unwrap();
        self.checkpoints.push(call);
        let text = |name: &str| request[name].as_str().unwrap().to_owned();
        let fault = self.faults.pop_front().unwrap_or(Fault::None);
        match fault {
            Fault::Refuse(status, error_type, message) => {
                let body = json!({ "Type": "User", "message": message }).to_string();
                return Some((status, error_type, body.into_bytes()));
            }
            Fault::Drop => return None,
            Fault::KillBefore => return self.kill(),
            _ => {}
        }
        let key = (text("CheckpointToken"), text("ClientToken"));
        if let Some(answer) = self.answers.get(&key) {
            return Some((200, "", answer.clone()));
        }
        if key.0 != self.token() || self.withheld {
            return Some(stale());
        }
        if let Err(message) = self.apply_all(request["Updates"].as_array().unwrap()) {
            let body = json!({ "message": message }).to_string();
            return Some((400, "InvalidParameterValueException", body.into_bytes()));
        }
        let token = self.next_token();
        let changed = std::mem::take(&mut self.changed);
        let shown = |operation: &&Value| changed.contains(operation["Id"].as_str().unwrap());
        let operations: Vec<_> = self.operations.iter().filter(shown).collect();
        let mut answer = json!({ "NewExecutionState": { "Operations": operations } });
        if fault == Fault::KeepToken {
            self.withheld = true;
        } else {
            answer["CheckpointToken"] = token.into();
        }
        let answer = answer.to_string().into_bytes();
        self.answers.insert(key, answer.clone());
        match fault {
            Fault::Lose => None,
            Fault::KillAfter => self.kill(),
            Fault::Delay(delay) => {
                self.delay = delay;
                Some((200, "", answer))
            }
            Fault::Garble => Some((200, "", b"<html>".to_vec())),
            _ => Some((200, "", answer)),
        }
    }

    fn kill(&self) -> Answer {
        processes::kill(self.victim.expect("a process to kill"), SIGKILL);
        None
    }

    fn token(&self) -> String {
        format!("token {}+/=", self.token)
    }

    fn next_token(&mut self) -> String {
        self.token += 1;
        self.token()
    }

    /// The operations from this one on, and the marker of the next page.
    fn page(&self, first: usize) -> (Vec<Value>, String) {
        let last = self.page_size.map_or(self.operations.len(), |size| first + size);
        let last = last.min(self.operations.len());
        let marker = if last < self.operations.len() { format!("at {last}") } else { String::new() };
        (self.operations[first..last].to_vec(), marker)
    }

    /// Makes these updates, all or none.
    fn apply_all(&mut self, updates: &[Value]) -> Result<(), String> {
        let before = self.operations.clone();
        for update in updates {
            if let Err(message) = self.apply(update) {
                self.operations = before;
                return Err(message);
            }
        }
        Ok(())
    }

    fn apply(&mut self, update: &Value) -> Result<(), String> {
        let text = |name: &str| update[name].as_str().unwrap_or_default();
        let (kind, action) = (text("Type"), text("Action"));
        // there is one execution, whatever its update is called
        let id = if kind == "EXECUTION" { "id" } else { text("Id") };
        self.changed.insert(id.to_owned());
        let known = self.operations.iter_mut().find(|operation| operation["Id"] == id);
        let status = known.as_ref().map_or("none", |operation| operation["Status"].as_str().unwrap()).to_owned();
        let next = match (kind, action, status.as_str()) {
            (_, "START", "none") | ("STEP", "START", "READY") => "STARTED",
            ("STEP" | "CONTEXT" | "EXECUTION", "SUCCEED", "none" | "STARTED" | "READY") => "SUCCEEDED",
            ("STEP" | "CONTEXT" | "EXECUTION", "FAIL", "none" | "STARTED" | "READY") => "FAILED",
            ("STEP", "RETRY", "none" | "STARTED" | "READY") => "PENDING",
            _ => return Err(format!("{kind} {id} is {status}: no {action}")),
        };
        let mut operation = match known {
            Some(operation) => std::mem::take(operation),
            None => json!({ "Id": id, "Type": kind, "StartTimestamp": began() }),
        };
        for name in ["Name", "SubType", "ParentId"] {
            if !update[name].is_null() {
                operation[name] = update[name].clone();
            }
        }
        operation["Status"] = next.into();
        let details = match kind {
            "STEP" => "StepDetails",
            "CONTEXT" => "ContextDetails",
            "CALLBACK" => "CallbackDetails",
            "WAIT" => "WaitDetails",
            "CHAINED_INVOKE" => "ChainedInvokeDetails",
            _ => "ExecutionDetails",
        };
        let details = &mut operation[details];
        for (from, to) in [("Payload", "Result"), ("Error", "Error")] {
            if !update[from].is_null() {
                details[to] = update[from].clone();
            }
        }
        if !update["ContextOptions"]["ReplayChildren"].is_null() {
            details["ReplayChildren"] = update["ContextOptions"]["ReplayChildren"].clone();
        }
        match (kind, action) {
            ("STEP", "RETRY") => details["Attempt"] = json!(details["Attempt"].as_u64().unwrap_or(0) + 1),
            ("CALLBACK", _) => details["CallbackId"] = json!(format!("callback-{id}")),
            ("WAIT", _) => details["ScheduledEndTimestamp"] = json!(1_795_900_001.5),
            _ => {}
        }
        self.put(operation);
        Ok(())
    }

    fn put(&mut self, operation: Value) {
        let place = self.operations.iter().position(|own| own.is_null() || own["Id"] == operation["Id"]);
        match place {
            Some(place) => self.operations[place] = operation,
            None => self.operations.push(operation),
        }
    }
}

fn stale() -> (u16, &'static str, Vec<u8>) {
    let body = json!({ "Type": "User", "message": "Invalid checkpoint token" }).to_string();
    (400, "InvalidParameterValueException", body.into_bytes())
}
