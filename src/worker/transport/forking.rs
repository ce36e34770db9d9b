//! A shim that forks a process for each event: the process gets the event in files, and its output is the answer.
//!
//! Always true: no two processes write to the same pipe. The process of number n uses lane n mod 2.

use std::{
    fs, io,
    os::fd::{AsRawFd, OwnedFd},
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::ExitStatus,
};

use bytes::Bytes;
use futures_util::future::{BoxFuture, FutureExt};
use rustix::process::Pid;

use super::{
    Transport, TransportError,
    frame::{FrameError, Message},
    lanes::Lanes,
    memory::memory_file,
    pipes::Pipes,
};
use crate::{
    event::{invocation::Invocation, suspension::Suspension},
    process::{Child, Children, Shell, proc::path_of},
    worker::{Step, answer::Run, log::Log, stack::Trace},
};

/// The status with which Bash itself ends, for example if a sourced file is missing.
const FAILURE: i32 = 1;

/// How many processes in a row may end without an event. One ends if somebody kills it, or at the shutdown.
const IDLE_ENDS: u32 = 5;

pub(super) struct Forking {
    pipes: Pipes,
    lanes: Lanes,
    /// A file for the shim's own use.
    notes: OwnedFd,
    shell: Option<Shell>,
    /// The user's file; `None` once it is loaded.
    loading: Option<PathBuf>,
    has_stack: bool,
    /// The beginning of the log line about a handler that a signal has ended.
    title: String,
    /// For the event of a durable function.
    suspension: Option<Suspension>,
    /// The process of the current or the last event.
    run: Run,
    /// Whether the process of an event is running.
    runs_event: bool,
    /// The number of processes in a row that have ended without an event.
    idle_ends: u32,
    /// Whether no more events come.
    shutting_down: bool,
    log: Log,
}

impl Forking {
    pub(super) fn new(
        file: &Path,
        function: &str,
        has_stack: bool,
        children: &Children,
        log: &Log,
    ) -> io::Result<Self> {
        Ok(Self {
            pipes: Pipes::new()?,
            lanes: Lanes::new()?,
            notes: memory_file("notes")?,
            shell: None,
            loading: Some(file.to_owned()),
            has_stack,
            title: format!("{}: {function}", file.display()),
            suspension: None,
            run: Run::new(children, log),
            runs_event: false,
            idle_ends: 0,
            shutting_down: false,
            log: log.clone(),
        })
    }

    async fn next(&mut self) -> Result<Option<Message>, TransportError> {
        loop {
            if self.run.has_ended() {
                let outcome = self.run.finish(self.lanes.answer(), self.shell.as_ref()).await;
                // the next event is not sent before the next lane is ready
                let _ = self.lanes.next();
                return Ok(Some(outcome.map_or_else(Message::Failed, Message::Answer)));
            }
            match self.pipes.next()? {
                Some(message) => {
                    if let Some(message) = self.understood(message)? {
                        return Ok(Some(message));
                    }
                }
                None if self.pipes.has_ended() => {
                    self.run.output.receive_rest(self.lanes.answer());
                    self.run.output.pass_on().await;
                    return Ok(None);
                }
                None => tokio::select! {
                    biased;
                    never = self.run.output.receive(self.lanes.answer()), if self.runs_event => match never {},
                    () = self.pipes.transfer() => {}
                },
            }
        }
    }

    /// The message, if the worker needs it, too.
    fn understood(&mut self, message: Message) -> Result<Option<Message>, TransportError> {
        Ok(match message {
            Message::Trace(failed) => {
                if failed.handler == 0 || self.lanes.is_current(failed.handler) {
                    self.run.trace.note(failed);
                }
                None
            }
            Message::Ready => {
                self.loading = None;
                Some(message)
            }
            Message::Failed(_) => {
                self.runs_event = false;
                Some(message)
            }
            Message::Ended(number, exit) => self.ended(number, exit)?,
            Message::Answer(_) | Message::Exited(_) => return Err(FrameError::Foreign.into()),
            message => Some(message),
        })
    }

    fn ended(&mut self, number: u64, exit: ExitStatus) -> Result<Option<Message>, TransportError> {
        if self.shutting_down || !self.lanes.is_current(number) {
            return Ok(None);
        }
        if self.runs_event && self.lanes.event_was_taken()? {
            self.run.end(exit, self.lanes.answer());
            if let Some(signal) = exit.signal()
                && !self.suspension.as_ref().is_some_and(Suspension::is_requested)
            {
                self.log.lock().add(&format!("{}: ended by signal {signal}\n", self.title));
            }
            (self.runs_event, self.idle_ends) = (false, 0);
            return Ok(None);
        }
        // it had waited for an event: now the next process waits
        self.idle_ends += 1;
        if self.idle_ends > IDLE_ENDS {
            return Err(io::Error::other("its processes end before they wait for an event").into());
        }
        self.lanes.next()?;
        if std::mem::replace(&mut self.runs_event, false) {
            return Ok(Some(Message::Untaken));
        }
        self.lanes.renew()?;
        Ok(None)
    }
}

impl Transport for Forking {
    fn has_started(&mut self, worker: Pid) {
        self.shell = Some(Shell { pid: worker, requests: self.lanes.wakes() });
    }

    /// The pipes, the notes, the four descriptors of each lane, and whether a snapshot follows.
    fn arguments(&self, snapshot: bool) -> Vec<String> {
        let descriptors = [self.notes.as_raw_fd()].into_iter().chain(self.lanes.descriptors());
        let arguments = self.pipes.arguments().into_iter();
        let arguments = arguments.chain(descriptors.map(|descriptor| descriptor.to_string()));
        arguments.chain(snapshot.then(|| "snapshot".to_owned())).collect()
    }

    fn mark(&self) -> Option<Vec<u8>> {
        Some(self.pipes.mark())
    }

    fn send_event(&mut self, invocation: &Invocation) -> io::Result<Option<Child>> {
        self.run.begin(invocation);
        self.suspension.clone_from(&invocation.suspension);
        self.lanes.send_event(invocation)?;
        self.runs_event = true;
        Ok(None)
    }

    fn send_step(&mut self, step: Step) {
        self.run.trace = Trace::default();
        self.pipes.send(vec![Bytes::from(format!("{}\n", step.name))]);
        if step == Step::SHUTDOWN {
            // the process that waits for an event ends, and then the shell reads the request
            self.shutting_down = true;
            self.close();
        }
    }

    fn message(&mut self) -> BoxFuture<'_, Result<Option<Message>, TransportError>> {
        self.next().boxed()
    }

    fn has_ended(&mut self, _status: ExitStatus) {
        self.pipes.end();
        // Bash's message if it cannot fork
        let notes = fs::read_to_string(path_of(&self.notes)).unwrap_or_default();
        if notes.contains("fork: ") {
            tracing::error!("{}", notes.trim_end());
        }
    }

    fn close(&mut self) {
        // this error may only mean that the worker is ending
        let _ = self.lanes.close();
    }

    fn stop_streaming(&mut self) {
        self.run.output.stop();
    }

    fn event_was_taken(&mut self) -> bool {
        self.lanes.event_was_taken().unwrap_or(true)
    }

    fn prepare(&mut self) -> io::Result<()> {
        // bytes before the event are no answer: a handler has written them to the wrong descriptor
        self.run.output.receive_rest(self.lanes.answer());
        self.lanes.renew()
    }

    fn take_trace(&mut self, status: Option<i32>) -> Trace {
        let trace = std::mem::take(&mut self.run.trace).of(status);
        match &self.loading {
            // if the status is not Bash's own, the file has set it, for example with `exit 4`
            Some(file) if trace == Trace::default() && (!self.has_stack || status == Some(FAILURE)) => {
                Trace { place: format!("in {}", file.display()), ..trace }
            }
            _ => trace,
        }
    }
}
