//! The least cost of any design with a separate interpreter process: a lean client of the Runtime API that sends each
//! event over a pipe to a native child, and gets it back over another. It has no event loop, and looks after nothing:
//! no deadline, no log, no death of the child.
//!
//! With the argument `bash`, the child is the least that a Bash can be which gives each event a subshell of its own,
//! forked before the event comes: it is woken by a line, reads the event from a file and prints it. No function is
//! called, no variable is exported, no end is reported.
//!
//! With the argument `lisp`, the child is the least that an SBCL can be: it reads a frame and writes it back. Nothing
//! is decoded, nothing is allocated, no function is called.
//!
//! With `program`, there is no child that waits: each event starts the Bash program `report.sh` as a shell would, with
//! the event as its argument and its standard input.
//!
//! With `powershell`, it is the least that a PowerShell can be which calls a function of a module: an event is a
//! line, `ConvertFrom-Json` reads it, `ConvertTo-Json` writes the answer. No context is made, nothing is reset, no
//! error is looked after.

mod lean;

use std::{
    env,
    fs::File,
    io::{self, BufRead, BufReader, BufWriter, Read, Write},
    os::{
        fd::{AsFd, AsRawFd, OwnedFd},
        unix::fs::FileExt,
    },
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    thread,
};

use lean::Lean;
use rustix::{
    fs::{MemfdFlags, memfd_create},
    pipe::fcntl_setpipe_size,
};

type Error = Box<dyn std::error::Error + Send + Sync>;

/// The events come in the file `$0`.
const BASH: &str = r#"while (read -r line && event=$(<"$0") && printf %s "$event"); do :; done"#;

/// Each frame as it came, through the bare system calls.
const LISP: &str = r"(funcall (compile nil '(lambda ()
  (let ((frame (make-array 8388608 :element-type '(unsigned-byte 8))))
    (sb-sys:with-pinned-objects (frame)
      (loop with place = (sb-sys:vector-sap frame)
            for end of-type fixnum = 0
            do (loop until (and (>= end 8) (= end (+ 8 (sb-sys:sap-ref-64 place 0))))
                     do (let ((count (sb-unix:unix-read 0 (sb-sys:sap+ place end) (- 8388608 end))))
                          (if (and count (plusp count))
                              (incf end (the fixnum count))
                              (sb-ext:exit :abort t))))
               (loop with start of-type fixnum = 0
                     while (< start end)
                     do (incf start (the fixnum (sb-unix:unix-write 1 place start (- end start)))))))))))";

/// It imports what an event needs by path, which is the fastest way, and says when it is ready.
const POWERSHELL: &str = r#"Import-Module -Name @(
    "$PSHOME/Modules/Microsoft.PowerShell.Utility/Microsoft.PowerShell.Utility.psd1"
    "$PSHOME/Modules/Microsoft.PowerShell.Management/Microsoft.PowerShell.Management.psd1"
    "./m.psm1"
)
$events = [System.IO.StreamReader]::new("/proc/self/fd/0")
$answers = [System.IO.StreamWriter]::new("/proc/self/fd/1")
$answers.AutoFlush = $true
$answers.WriteLine()
while ($line = $events.ReadLine()) {
    $answers.WriteLine((ConvertTo-Json -Compress -InputObject (f (ConvertFrom-Json -AsHashtable -InputObject $line))))
}
"#;

/// The variables of `bootstrap` that speed up the start and warm events.
const POWERSHELL_ENVIRONMENT: [(&str, &str); 7] = [
    ("POWERSHELL_TELEMETRY_OPTOUT", "1"),
    ("POWERSHELL_UPDATECHECK", "Off"),
    ("POWERSHELL_DIAGNOSTICS_OPTOUT", "1"),
    ("DOTNET_EnableWriteXorExecute", "0"),
    ("DOTNET_TieredPGO", "0"),
    ("DOTNET_gcConcurrent", "0"),
    ("DOTNET_GCgen0size", "400000"),
];

/// The size of a pipe, where the kernel allows it.
const PIPE: usize = 1 << 20;

fn main() -> Result<(), Error> {
    if env::args().nth(1).is_some_and(|argument| argument == "worker") {
        return Ok(work()?);
    }
    let slots = env::var("AWS_LAMBDA_MAX_CONCURRENCY").map_or(Ok(1), |slots| slots.parse::<usize>())?;
    let threads: Vec<_> = (1..slots).map(|_| thread::spawn(answer)).collect();
    answer()?;
    threads.into_iter().try_for_each(|thread| thread.join().expect("a slot does not panic"))
}

/// Answers events one by one.
fn answer() -> Result<(), Error> {
    let mut api = Lean::connect()?;
    if env::args().nth(1).is_some_and(|argument| argument == "program") {
        loop {
            let (id, event) = api.next()?;
            api.respond(&id, &run_program(&event)?)?;
        }
    }
    let mut worker = Worker::start()?;
    loop {
        let (id, event) = api.next()?;
        let answer = worker.echo(std::str::from_utf8(&event)?)?;
        api.respond(&id, answer.as_bytes())?;
    }
}

fn run_program(event: &[u8]) -> Result<Vec<u8>, Error> {
    let input = File::from(memfd_create("event", MemfdFlags::CLOEXEC)?);
    input.write_all_at(event, 0)?;
    let mut command = Command::new("bash");
    command.arg("report.sh").arg(std::str::from_utf8(event)?).stdin(input);
    Ok(command.output()?.stdout)
}

struct Worker {
    _child: Child,
    events: BufWriter<ChildStdin>,
    answers: BufReader<ChildStdout>,
    interpreter: Option<Interpreter>,
}

/// How an interpreter is given an event.
enum Interpreter {
    /// In this file.
    Bash(File),
    /// As a line.
    PowerShell,
}

impl Worker {
    fn start() -> Result<Self, Error> {
        match env::args().nth(1).as_deref() {
            Some("bash") => {
                let event = File::from(memfd_create("event", MemfdFlags::CLOEXEC)?);
                let mut command = Command::new("bash");
                command.args(["-c", BASH, &path(&event)]);
                Self::spawn(&mut command, Some(Interpreter::Bash(event)))
            }
            Some("lisp") => Self::start_lisp(),
            Some("powershell") => Self::start_powershell(),
            _ => Self::spawn(Command::new(env::current_exe()?).arg("worker"), None),
        }
    }

    fn start_lisp() -> Result<Self, Error> {
        let mut command = Command::new("sbcl");
        command.args(["--noinform", "--no-sysinit", "--no-userinit", "--disable-debugger"]);
        let mut worker = Self::spawn(command.args(["--eval", LISP, "--quit"]), None)?;
        // the start is no part of the first event
        worker.echo("")?;
        Ok(worker)
    }

    /// Ready for events, as what asks for them next is measured.
    fn start_powershell() -> Result<Self, Error> {
        let script = File::from(memfd_create("loop", MemfdFlags::CLOEXEC)?);
        script.write_all_at(POWERSHELL.as_bytes(), 0)?;
        let mut command = Command::new(env::var_os("SCRIPT_RUNTIME_PWSH").unwrap_or_else(|| "pwsh".into()));
        command.envs(POWERSHELL_ENVIRONMENT);
        command.args(["-NoLogo", "-NoProfile", "-NonInteractive", "-File", &path(&script)]);
        let mut worker = Self::spawn(&mut command, Some(Interpreter::PowerShell))?;
        worker.answers.read_line(&mut String::new())?;
        Ok(worker)
    }

    fn spawn(command: &mut Command, interpreter: Option<Interpreter>) -> Result<Self, Error> {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (events, answers) = (child.stdin.take(), child.stdout.take());
        let (events, answers) = (events.expect("it is a pipe"), answers.expect("it is a pipe"));
        // an unprivileged user's pipes may stay small, which is slower
        let _ = (fcntl_setpipe_size(&events, PIPE), fcntl_setpipe_size(&answers, PIPE));
        let (events, answers) = (BufWriter::new(events), BufReader::new(answers));
        Ok(Self { _child: child, events, answers, interpreter })
    }

    fn echo(&mut self, event: &str) -> Result<String, Error> {
        let mut answer = Vec::with_capacity(event.len() + 1);
        match &self.interpreter {
            Some(Interpreter::Bash(file)) => {
                file.set_len(0)?;
                file.write_all_at(event.as_bytes(), 0)?;
                self.events.write_all(b"\n")?;
                self.events.flush()?;
                answer.resize(event.len(), 0);
                self.answers.read_exact(&mut answer)?;
            }
            Some(Interpreter::PowerShell) => {
                self.events.write_all(event.as_bytes())?;
                self.events.write_all(b"\n")?;
                self.events.flush()?;
                self.answers.read_until(b'\n', &mut answer)?;
                answer.pop();
            }
            None => {
                write_frame(&mut self.events, event.as_bytes())?;
                answer = read_frame(&mut self.answers)?.ok_or("the worker has ended")?;
            }
        }
        Ok(String::from_utf8(answer)?)
    }
}

/// Where another process finds a file of this one.
fn path(file: &File) -> String {
    format!("/proc/{}/fd/{}", std::process::id(), file.as_raw_fd())
}

/// The child: each frame goes back as it came.
fn work() -> io::Result<()> {
    let (mut events, mut answers) = (BufReader::new(io::stdin()), BufWriter::new(File::from(stdout()?)));
    while let Some(event) = read_frame(&mut events)? {
        write_frame(&mut answers, &event)?;
    }
    Ok(())
}

/// Standard output without the buffer for lines that the standard library puts before it.
fn stdout() -> io::Result<OwnedFd> {
    io::stdout().as_fd().try_clone_to_owned()
}

/// A length and that many bytes; what fits into the buffer is written at once.
fn write_frame(to: &mut BufWriter<impl Write>, bytes: &[u8]) -> io::Result<()> {
    to.write_all(&bytes.len().to_ne_bytes())?;
    to.write_all(bytes)?;
    to.flush()
}

/// `None` at the end.
fn read_frame(from: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut length = [0; size_of::<usize>()];
    match from.read_exact(&mut length) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    }
    let length = usize::from_ne_bytes(length);
    let mut bytes = Vec::with_capacity(length);
    from.take(length as u64).read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}
