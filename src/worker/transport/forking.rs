//! A shim that forks a process for each event: it is handed over in files, and the answer is the process's output.
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

/// The status with which Bash itself ends, as where a file that is sourced is missing.
const FAILURE: i32 = 1;

/// How many processes may end in a row without an event. One does where somebody kills it, or at the shutdown.
const IDLE_ENDS: u32 = 5;

pub(super) struct Forking {
    pipes: Pipes,
    lanes: Lanes,
    /// The shim's own notes.
    notes: OwnedFd,
    shell: Option<Shell>,
    /// The user's file, while it is loaded.
    loading: Option<PathBuf>,
    has_stack: bool,
    /// The beginning of the line of a handler that a signal has ended.
    title: String,
    /// Of the current event, if it is one of a durable function.
    suspension: Option<Suspension>,
    /// The process that has the event, or had the last one.
    run: Run,
    /// Whether an event has been handed over and its process has not ended.
    runs_event: bool,
    /// How many processes in a row have ended without an event.
    idle_ends: u32,
    /// Whether no further event comes.
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
                // the next event is not sent before the next lane is there
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

    /// The message, if it is for others, too.
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
        // it had waited for an event: the next one does
        self.idle_ends += 1;
        if self.idle_ends > IDLE_ENDS {
            return Err(io::Error::other("processes end before they wait for it").into());
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

    /// The pipes, the notes, of each lane its four descriptors, and whether there will be a snapshot.
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
            // the process that waits for an event ends, and the shell looks for the request
            self.shutting_down = true;
            self.close();
        }
    }

    fn message(&mut self) -> BoxFuture<'_, Result<Option<Message>, TransportError>> {
        self.next().boxed()
    }

    fn has_ended(&mut self, _status: ExitStatus) {
        self.pipes.end();
        // a shell that cannot fork ends with these words
        let notes = fs::read_to_string(path_of(&self.notes)).unwrap_or_default();
        if notes.contains("fork: ") {
            tracing::error!("{}", notes.trim_end());
        }
    }

    fn close(&mut self) {
        // it may only be the last to hear of the end
        let _ = self.lanes.close();
    }

    fn stop_streaming(&mut self) {
        self.run.output.stop();
    }

    fn event_was_taken(&mut self) -> bool {
        self.lanes.event_was_taken().unwrap_or(true)
    }

    fn prepare(&mut self) -> io::Result<()> {
        // bytes that come before the event are no answer: a handler has written them to the wrong descriptor
        self.run.output.receive_rest(self.lanes.answer());
        self.lanes.renew()
    }

    fn take_trace(&mut self, status: Option<i32>) -> Trace {
        let trace = std::mem::take(&mut self.run.trace).of(status);
        match &self.loading {
            // with another status than Bash's own, the file has said it itself, as by `exit 4`
            Some(file) if trace == Trace::default() && (!self.has_stack || status == Some(FAILURE)) => {
                Trace { place: format!("in {}", file.display()), ..trace }
            }
            _ => trace,
        }
    }
}
