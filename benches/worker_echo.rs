//! What any design with an interpreter process of its own must cost: a native echo on `lambda_runtime` that sends
//! each event over a pipe to a native child, and gets it back over another. It waits for its child without an event
//! loop, and looks after nothing: no deadline, no log, no death of the child.

use std::{
    env,
    fs::File,
    io::{self, BufReader, BufWriter, Read, Write},
    os::fd::{AsFd, OwnedFd},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::Mutex,
    thread,
};

use lambda_runtime::{Error, LambdaEvent, service_fn};
use rustix::pipe::fcntl_setpipe_size;
use serde_json::value::RawValue;

/// What a pipe takes at a time, where the kernel allows it.
const PIPE: usize = 1 << 20;

fn main() -> Result<(), Error> {
    if env::args().nth(1).is_some() {
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
}

impl Worker {
    fn start() -> io::Result<Self> {
        let mut command = Command::new(env::current_exe()?);
        let mut child = command.arg("worker").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (events, answers) = (child.stdin.take(), child.stdout.take());
        let (events, answers) = (events.expect("it is a pipe"), answers.expect("it is a pipe"));
        // an unprivileged user's pipes may stay small, which is slower
        let _ = (fcntl_setpipe_size(&events, PIPE), fcntl_setpipe_size(&answers, PIPE));
        Ok(Self { _child: child, events: BufWriter::new(events), answers: BufReader::new(answers) })
    }

    fn echo(&mut self, event: &str) -> Result<String, Error> {
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
