//! What any design with an interpreter process of its own must cost: a native echo on `lambda_runtime` that sends
//! each event over a pipe to a native child, and gets it back over another. It waits for its child without an event
//! loop, and looks after nothing: no deadline, no log, no death of the child.

use std::{
    env,
    io::{self, BufReader, Read, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::Mutex,
    thread,
};

use lambda_runtime::{Error, LambdaEvent, service_fn};
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
    events: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Worker {
    fn start() -> io::Result<Self> {
        let mut command = Command::new(env::current_exe()?);
        let mut child = command.arg("worker").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (events, answers) = (child.stdin.take(), child.stdout.take());
        let (events, answers) = (events.expect("it is a pipe"), answers.expect("it is a pipe"));
        // what an unprivileged process may have is enough
        let _ = (
            rustix::pipe::fcntl_setpipe_size(&events, PIPE),
            rustix::pipe::fcntl_setpipe_size(&answers, PIPE),
        );
        Ok(Self { _child: child, events, answers: BufReader::with_capacity(PIPE, answers) })
    }

    fn echo(&mut self, event: &str) -> Result<String, Error> {
        let mut frame = Vec::with_capacity(size_of::<usize>() + event.len());
        frame.extend_from_slice(&event.len().to_ne_bytes());
        frame.extend_from_slice(event.as_bytes());
        self.events.write_all(&frame)?;
        let mut answer = read_frame(&mut self.answers)?.ok_or("the worker has ended")?;
        answer.drain(..size_of::<usize>());
        Ok(String::from_utf8(answer)?)
    }
}

/// The child: each frame goes back as it came.
fn work() -> io::Result<()> {
    let (mut events, mut answers) = (BufReader::with_capacity(PIPE, io::stdin()), io::stdout());
    while let Some(frame) = read_frame(&mut events)? {
        answers.write_all(&frame)?;
        answers.flush()?;
    }
    Ok(())
}

/// A length and that many bytes, length included; `None` at the end.
fn read_frame(from: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut head = [0; size_of::<usize>()];
    match from.read_exact(&mut head) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    }
    let length = usize::from_ne_bytes(head);
    let mut frame = Vec::with_capacity(head.len() + length);
    frame.extend_from_slice(&head);
    from.take(length as u64).read_to_end(&mut frame)?;
    Ok(Some(frame))
}
