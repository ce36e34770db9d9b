//! What any design with an interpreter process of its own must cost: a native echo on `lambda_runtime` that sends
//! each event over a pipe to a native child, and gets it back over another. It waits for its child without an event
//! loop, and looks after nothing: no deadline, no log, no death of the child.
//!
//! With the argument `bash`, the child is the least that a Bash can be which gives each event a subshell of its own,
//! forked before the event comes: it is woken by a line, reads the event from a file and prints it. No function is
//! called, no variable is exported, no end is reported.
//!
//! With the argument `lisp`, the child is the least that an SBCL can be: it reads what there is of a frame and
//! writes it back. Nothing is decoded, nothing is allocated, no function is called.

use std::{
    env,
    fs::File,
    io::{self, BufReader, BufWriter, Read, Write},
    os::{
        fd::{AsFd, AsRawFd, OwnedFd},
        unix::fs::FileExt,
    },
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::Mutex,
    thread,
};

use lambda_runtime::{Error, LambdaEvent, service_fn};
use rustix::{
    fs::{MemfdFlags, memfd_create},
    pipe::fcntl_setpipe_size,
};
use serde_json::value::RawValue;

/// The events come in the file `$0`.
const BASH: &str = r#"while :; do (read -r line; event=$(<"$0"); printf %s "$event"); done"#;

/// Each block as it came, through the bare system calls.
const LISP: &str = r"(funcall (compile nil '(lambda ()
  (let ((block (make-array 1048576 :element-type '(unsigned-byte 8))))
    (sb-sys:with-pinned-objects (block)
      (loop with place = (sb-sys:vector-sap block)
            for count = (sb-unix:unix-read 0 place 1048576)
            while (and count (plusp count))
            do (loop with start = 0
                     while (< start count)
                     do (incf start (sb-unix:unix-write 1 block start (- count start))))))))))";

/// What a pipe takes at a time, where the kernel allows it.
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
#[tokio::main(flavor = "current_thread")]
async fn answer() -> Result<(), Error> {
    let worker = Mutex::new(Worker::start()?);
    let echo = async |event: LambdaEvent<Box<RawValue>>| {
        let answer = worker.lock().expect("no event panics").echo(event.payload.get())?;
        Ok::<_, Error>(RawValue::from_string(answer)?)
    };
    lambda_runtime::run(service_fn(echo)).await
}

struct Worker {
    _child: Child,
    events: BufWriter<ChildStdin>,
    answers: BufReader<ChildStdout>,
    /// Where a Bash finds the event.
    file: Option<File>,
}

impl Worker {
    fn start() -> io::Result<Self> {
        let mut command = Command::new(env::current_exe()?);
        command.arg("worker");
        let mut file = None;
        let child = env::args().nth(1);
        let is_lisp = child.as_deref() == Some("lisp");
        if is_lisp {
            command = Command::new("sbcl");
            command.args(["--noinform", "--no-sysinit", "--no-userinit", "--disable-debugger"]);
            command.args(["--eval", LISP, "--quit"]);
        }
        if child.as_deref() == Some("bash") {
            let memory = File::from(memfd_create("event", MemfdFlags::CLOEXEC)?);
            let path = format!("/proc/{}/fd/{}", std::process::id(), memory.as_raw_fd());
            command = Command::new("bash");
            command.args(["-c", BASH, &path]);
            file = Some(memory);
        }
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (events, answers) = (child.stdin.take(), child.stdout.take());
        let (events, answers) = (events.expect("it is a pipe"), answers.expect("it is a pipe"));
        // an unprivileged user's pipes may stay small, which is slower
        let _ = (fcntl_setpipe_size(&events, PIPE), fcntl_setpipe_size(&answers, PIPE));
        let (events, answers) = (BufWriter::new(events), BufReader::new(answers));
        let mut worker = Self { _child: child, events, answers, file };
        if is_lisp {
            // its start is no part of the first event
            worker.echo("").map_err(io::Error::other)?;
        }
        Ok(worker)
    }

    fn echo(&mut self, event: &str) -> Result<String, Error> {
        if let Some(file) = &self.file {
            file.set_len(0)?;
            file.write_all_at(event.as_bytes(), 0)?;
            self.events.write_all(b"\n")?;
            self.events.flush()?;
            let mut answer = vec![0; event.len()];
            self.answers.read_exact(&mut answer)?;
            return Ok(String::from_utf8(answer)?);
        }
        write_frame(&mut self.events, event.as_bytes())?;
        let answer = read_frame(&mut self.answers)?.ok_or("the worker has ended")?;
        Ok(String::from_utf8(answer)?)
    }
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
