//! AWS for tests: the real `moto` behind a proxy that notes each call, can fail it, and keeps the few settings of
//! a function that moto forgets (`ImageConfig`, `LoggingConfig`, `SnapStart`, `DurableConfig`).

use std::{
    collections::HashMap,
    io::{self, BufReader, Write},
    net::{SocketAddr, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, MutexGuard, OnceLock},
};

use serde_json::{Map, Value, json};

use super::{announced, durable::refusal};
use crate::support::{
    http::{self, Message},
    repository,
};

/// A call that came: AWS's name of it, who signed it, and its body if that is JSON.
#[derive(Clone, Debug)]
pub struct Call {
    pub operation: String,
    pub signature: String,
    pub body: Value,
}

/// How a call goes, where not as moto has it.
pub enum Turn {
    /// It fails with this code and message, and moto does not see it.
    Fails(&'static str, String),
    /// It is answered with these headers and this body, and moto does not see it.
    Answers(Vec<(&'static str, String)>, &'static str),
    /// Moto's answer is changed.
    Changes(Box<dyn Fn(&mut Value) + Send>),
}

#[derive(Default)]
struct State {
    calls: Vec<Call>,
    turns: Vec<(&'static str, Turn)>,
    /// By function, or by function and version: what moto forgets.
    forgotten: HashMap<String, Map<String, Value>>,
}

/// The endpoint of one test; it ends with the last copy.
#[derive(Clone)]
pub struct Cloud {
    pub address: SocketAddr,
    state: Arc<Mutex<State>>,
    /// None in the server itself.
    _server: Option<Arc<http::Server>>,
}

impl Cloud {
    pub fn start(moto: SocketAddr, runtimes: SocketAddr) -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        let server = Arc::clone(&state);
        let server = http::Server::start(move |connection| {
            let cloud = Self { address: connection.local_addr()?, state: Arc::clone(&server), _server: None };
            cloud.serve(connection, [moto, runtimes])
        });
        Self { address: server.address, state, _server: Some(Arc::new(server)) }
    }

    /// The next call of this operation that has no turn yet goes like this.
    pub fn next(&self, operation: &'static str, turn: Turn) {
        self.lock().turns.push((operation, turn));
    }

    /// The calls since the last look.
    pub fn take(&self) -> Vec<Call> {
        std::mem::take(&mut self.lock().calls)
    }

    /// Their names.
    pub fn operations(&self) -> Vec<String> {
        self.take().into_iter().map(|call| call.operation).collect()
    }

    /// How often an operation was called since the last look.
    pub fn count(&self, operation: &str) -> usize {
        self.lock().calls.iter().filter(|call| call.operation == operation).count()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn serve(&self, mut connection: TcpStream, [moto, runtimes]: [SocketAddr; 2]) -> io::Result<()> {
        let Some(request) = Message::read(&mut BufReader::new(connection.try_clone()?))? else {
            return Ok(());
        };
        let operation = operation(&request);
        // moto knows nothing of customer-managed runtimes
        let is_theirs = ["/2026-10-01/", "/2021-07-20/"].iter().any(|begin| request.path().starts_with(begin));
        let moto = if is_theirs { runtimes } else { moto };
        let body = serde_json::from_slice(&request.body).unwrap_or(Value::Null);
        let turn = {
            let mut state = self.lock();
            let signature = request.header("authorization").unwrap_or_default().to_owned();
            state.calls.push(Call { operation: operation.clone(), signature, body: body.clone() });
            let turn = state.turns.iter().position(|(name, _)| *name == operation);
            turn.map(|index| state.turns.remove(index).1)
        };
        let answer = match turn {
            Some(Turn::Fails(code, message)) => failure(&request, code, &message),
            Some(Turn::Answers(headers, body)) => {
                let headers = headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
                Message { start: "HTTP/1.1 200 OK".to_owned(), headers, body: body.into() }
            }
            Some(Turn::Changes(change)) => {
                let mut answer = self.ask(&request, moto, &operation, &body)?;
                let mut json = serde_json::from_slice(&answer.body)?;
                change(&mut json);
                answer.body = serde_json::to_vec(&json)?;
                answer
            }
            None => self.ask(&request, moto, &operation, &body)?,
        };
        connection.write_all(&answer.bytes())
    }

    fn ask(&self, request: &Message, moto: SocketAddr, operation: &str, body: &Value) -> io::Result<Message> {
        let name = function_name(request, body);
        if let Some((code, message)) = refusal(operation, &name, request, body, &self.lock().forgotten) {
            return Ok(failure(request, code, &message));
        }
        let mut answer = exchange(moto, request)?;
        if answer.status() / 100 == 2 {
            self.remember(request, operation, body, &mut answer)?;
        }
        Ok(answer)
    }

    fn remember(&self, request: &Message, operation: &str, body: &Value, answer: &mut Message) -> io::Result<()> {
        let mut forgotten = self.state.lock().unwrap();
        let forgotten = &mut forgotten.forgotten;
        let name = function_name(request, body);
        match operation {
            "CreateFunction" | "UpdateFunctionConfiguration" => {
                let settings = forgotten.entry(name).or_default();
                for key in ["ImageConfig", "LoggingConfig", "SnapStart", "RuntimeConfig", "DurableConfig"] {
                    settings.extend(body.get(key).map(|value| (key.to_owned(), value.clone())));
                }
            }
            "PublishVersion" => {
                let version: Value = serde_json::from_slice(&answer.body)?;
                let settings = forgotten.get(&name).cloned().unwrap_or_default();
                forgotten.insert(format!("{name}:{}", version["Version"].as_str().unwrap()), settings);
            }
            "GetFunction" => {
                let mut function: Value = serde_json::from_slice(&answer.body)?;
                let configuration = &mut function["Configuration"];
                let key = match configuration["Version"].as_str() {
                    Some("$LATEST") | None => name.clone(),
                    Some(version) => format!("{name}:{version}"),
                };
                let settings = forgotten.get(&key).cloned().unwrap_or_default();
                let image = settings.get("ImageConfig").map(|image| json!({ "ImageConfig": image }));
                configuration["ImageConfigResponse"] = image.unwrap_or_default();
                configuration["LoggingConfig"] =
                    json!({ "LogFormat": "Text", "LogGroup": format!("/aws/lambda/{name}") });
                for (setting, value) in settings.iter().filter(|(setting, _)| *setting != "ImageConfig") {
                    for (key, value) in value.as_object().unwrap() {
                        configuration[setting][key] = value.clone();
                    }
                }
                answer.body = serde_json::to_vec(&function)?;
            }
            _ => {}
        }
        Ok(())
    }
}

/// The function that a call is about.
fn function_name(request: &Message, body: &Value) -> String {
    let name = body["FunctionName"].as_str().or_else(|| request.path().split('/').nth(3));
    name.and_then(|name| name.split('?').next()).unwrap_or_default().to_owned()
}

/// AWS's name of what is asked: in a header, in a form, or in method and path, as each service has it.
fn operation(request: &Message) -> String {
    if let Some(target) = request.header("x-amz-target") {
        return target.rsplit('.').next().unwrap().to_owned();
    }
    let form = String::from_utf8_lossy(&request.body);
    if let Some(action) = form.split('&').find_map(|pair| pair.strip_prefix("Action=")) {
        return action.to_owned();
    }
    let method = request.start.split(' ').next().unwrap();
    let path = request.path().split('?').next().unwrap();
    if let Some(rest) = path.strip_prefix("/2026-10-01/runtimes") {
        return runtime_operation(method, rest);
    }
    let parts: Vec<_> = path.split('/').skip(4).collect();
    let name = match (method, parts.as_slice()) {
        ("POST", []) => "CreateFunction",
        ("GET", []) => "GetFunction",
        ("DELETE", []) => "DeleteFunction",
        ("PUT", ["code"]) => "UpdateFunctionCode",
        ("PUT", ["configuration"]) => "UpdateFunctionConfiguration",
        ("POST", ["versions"]) => "PublishVersion",
        ("POST", ["aliases"]) => "CreateAlias",
        ("PUT", ["aliases", _]) => "UpdateAlias",
        ("POST", ["invocations"]) => "Invoke",
        ("POST", ["url"]) => "CreateFunctionUrlConfig",
        ("PUT", ["url"]) => "UpdateFunctionUrlConfig",
        ("GET", ["url"]) => "GetFunctionUrlConfig",
        ("POST", ["policy"]) => "AddPermission",
        ("GET", ["policy"]) => "GetPolicy",
        ("DELETE", ["policy", _]) => "RemovePermission",
        ("GET", ["runtime-management-config"]) => "GetRuntimeManagementConfig",
        ("PUT", ["runtime-management-config"]) => "PutRuntimeManagementConfig",
        _ => return format!("{method} {path}"),
    };
    name.to_owned()
}

/// The same of a call about runtimes: `CreateRuntimeVersion`, `ListRuntimes`.
fn runtime_operation(method: &str, path: &str) -> String {
    let parts: Vec<_> = path.split('/').skip(1).collect();
    let (kind, kinds) = match parts.get(1) {
        Some(&"versions") => ("RuntimeVersion", "RuntimeVersions"),
        Some(&"aliases") => ("RuntimeAlias", "RuntimeAliases"),
        Some(&"restore") => return "RestoreRuntime".to_owned(),
        _ => ("Runtime", "Runtimes"),
    };
    match (method, parts.len()) {
        ("GET", 0 | 2) => format!("List{kinds}"),
        ("GET", _) => format!("Get{kind}"),
        ("POST", _) => format!("Create{kind}"),
        ("DELETE", _) => format!("Delete{kind}"),
        _ => format!("Update{kind}"),
    }
}

/// An error in the words of the service that is asked.
fn failure(request: &Message, code: &str, message: &str) -> Message {
    let form = request.body.starts_with(b"Action=");
    let body = if form {
        format!(
            "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>"
        )
    } else {
        json!({ "__type": code, "Type": "User", "message": message, "Message": message }).to_string()
    };
    let headers = HashMap::from([("x-amzn-errortype".to_owned(), code.to_owned())]);
    Message { start: "HTTP/1.1 400 Bad Request".to_owned(), headers, body: body.into_bytes() }
}

/// The one moto that the tests of this process share.
pub fn moto(program: &Path) -> SocketAddr {
    static MOTO: OnceLock<Server> = OnceLock::new();
    let moto = MOTO.get_or_init(|| {
        let moto = Server::moto(program);
        without_containers(moto.address);
        moto
    });
    moto.address
}

/// A server beside the tests. A shell ends it when this value, or its process, and with it the pipe, is gone.
pub struct Server {
    pub address: SocketAddr,
    shell: Child,
}

impl Server {
    pub fn moto(program: &Path) -> Self {
        Self::start(program, &["-H", "127.0.0.1", "-p", "0"])
    }

    fn start(program: &Path, arguments: &[&str]) -> Self {
        let mut shell = Command::new("sh")
            .args(["-c", r#""$@" & read -r _; kill "$!""#, "sh"])
            .arg(program)
            .args(arguments)
            .env("MOTO_IAM_LOAD_MANAGED_POLICIES", "true")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let announced = announced(shell.stderr.take().unwrap(), "Running on http://");
        Self { address: announced.trim().parse().unwrap(), shell }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}

/// The one API of customer-managed runtimes that they share.
pub fn runtimes() -> SocketAddr {
    static RUNTIMES: OnceLock<Server> = OnceLock::new();
    let script = repository().join("tests/manage/runtimes.py");
    RUNTIMES.get_or_init(|| Server::start(Path::new("python3"), &[script.to_str().unwrap()])).address
}

/// Lets moto keep functions without a docker engine.
fn without_containers(moto: SocketAddr) {
    let body = br#"{"lambda": {"use_docker": false}}"#.to_vec();
    let start = "POST /moto-api/config HTTP/1.1".to_owned();
    let headers = HashMap::from([("host".to_owned(), moto.to_string())]);
    let answer = exchange(moto, &Message { start, headers, body }).unwrap();
    assert_eq!(answer.status(), 201);
}

/// The answer of moto to a request.
fn exchange(moto: SocketAddr, request: &Message) -> io::Result<Message> {
    Message::read(&mut http::send(moto, &request.bytes())?)?.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
}
