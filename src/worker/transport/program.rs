//! A program that is started for each event. The event is its argument and its standard input; its standard output is
//! the answer.

use std::{
    ffi::OsStr,
    fs::File,
    future::pending,
    io::{self, Read},
    os::{fd::OwnedFd, unix::ffi::OsStrExt},
    process::ExitStatus,
};

use futures_util::future::{BoxFuture, FutureExt};
use rustix::{fs::ftruncate, process::Pid};
use tokio::net::unix::pipe;

use super::{
    Transport, TransportError,
    frame::Message,
    memory::{fill, fill_with_input, memory_file},
    pipes::answer_pipe,
};
use crate::{
    event::invocation::Invocation,
    logs::Origin,
    process::{Child, proc::path_of},
    settings::variable,
    worker::{
        answer::Run,
        launch::{Prelude, REPORTS, Setup},
        log::Log,
        stack::{FailedCommand, Trace},
    },
};

/// The longest argument in Linux, in bytes.
const ARGUMENT_LIMIT: usize = 128 * 1024 - 1;

/// How much of the reports is read, in bytes.
const REPORTS_LIMIT: u64 = 1024 * 1024;

pub(super) struct Program {
    reports: Option<Reports>,
    event: Option<RunningEvent>,
    run: Run,
    /// Whether the warning about an event that is too long for an argument was logged.
    has_warned: bool,
    setup: Setup,
    log: Log,
}

/// The file in which a prelude reports failed commands.
struct Reports {
    variable: &'static str,
    prelude: OwnedFd,
    file: OwnedFd,
}

struct RunningEvent {
    pid: Pid,
    answer: pipe::Receiver,
    /// The write end. It stays open, so that the pipe never reaches its end.
    _answer_end: OwnedFd,
}

impl Program {
    pub(super) fn new(prelude: Option<&Prelude>, setup: &Setup, log: &Log) -> io::Result<Self> {
        let (reports, run) = (prelude.map(Reports::new).transpose()?, Run::new(&setup.children, log));
        Ok(Self { reports, event: None, run, has_warned: false, setup: setup.clone(), log: log.clone() })
    }

    /// The event as an argument, up to its first NUL byte; `None` if it is too long for Linux.
    fn argument(&mut self, invocation: &Invocation) -> Option<Vec<u8>> {
        let argument: Vec<u8> = invocation.event.iter().copied().filter(|&byte| byte != 0).collect();
        if argument.len() <= ARGUMENT_LIMIT {
            return Some(argument);
        }
        if !std::mem::replace(&mut self.has_warned, true) {
            Origin::of(invocation).warn(format_args!(
                "the event has {} bytes, and an argument at most {ARGUMENT_LIMIT}: the program gets it on standard \
                 input alone, and no argument",
                argument.len()
            ));
        }
        None
    }

    /// A program's only message is its answer.
    async fn next(&mut self) -> Message {
        let Some(event) = &self.event else { return pending().await };
        let outcome = self.run.finish(&event.answer, None).await;
        self.event = None;
        outcome.map_or_else(Message::Failed, Message::Answer)
    }
}

impl Transport for Program {
    fn send_event(&mut self, invocation: &Invocation) -> io::Result<Option<Child>> {
        self.run.begin(invocation);
        let input = memory_file("event")?;
        fill_with_input(&input, invocation)?;
        let (answer, answer_end) = answer_pipe()?;
        let mut command = self.setup.command(&self.log)?;
        // a CGI program gets no arguments
        if invocation.request.is_none() {
            command.args(self.argument(invocation).as_deref().map(OsStr::from_bytes));
        }
        command.stdin(input).stdout(answer_end.try_clone()?);
        // set nowhere else: the program inherits no value from an earlier event
        for (variable, value) in invocation.variables() {
            command.env(variable, OsStr::from_bytes(value));
        }
        if let Some(suspension) = &invocation.suspension {
            let path = variable::PATH.of(&self.setup.settings.environment);
            command.env(variable::PATH.name, suspension.with_commands(path.map_or(OsStr::new(""), |path| path)));
        }
        if let Some(reports) = &self.reports {
            ftruncate(&reports.file, 0)?;
            command.env(reports.variable, path_of(&reports.prelude));
        }
        let child = self.setup.children.spawn(&mut command)?;
        self.event = Some(RunningEvent { pid: child.pid(), answer, _answer_end: answer_end });
        Ok(Some(child))
    }

    fn message(&mut self) -> BoxFuture<'_, Result<Option<Message>, TransportError>> {
        self.next().map(|message| Ok(Some(message))).boxed()
    }

    fn stop_streaming(&mut self) {
        self.run.output.stop();
    }

    /// The program of the event has ended. The next message is its result.
    fn has_ended(&mut self, status: ExitStatus) {
        if let Some(event) = &self.event {
            self.run.end(status, &event.answer);
            if let Some(reports) = &self.reports {
                self.run.trace = reports.trace(event.pid);
            }
        }
    }
}

impl Reports {
    fn new(prelude: &Prelude) -> io::Result<Self> {
        let file = memory_file("reports")?;
        let text = prelude.text.replace(REPORTS, &path_of(&file));
        let prelude_file = memory_file("prelude")?;
        fill(&prelude_file, text.as_bytes())?;
        Ok(Self { variable: prelude.variable, prelude: prelude_file, file })
    }

    /// The failed commands of this program.
    fn trace(&self, pid: Pid) -> Trace {
        let (mut trace, mut text) = (Trace::default(), Vec::new());
        let file = File::open(path_of(&self.file));
        // after an error, a part of the reports is enough
        let _ = file.and_then(|file| file.take(REPORTS_LIMIT).read_to_end(&mut text));
        let failed = String::from_utf8_lossy(&text);
        // processes that an earlier event has left behind may report, too
        failed
            .lines()
            .filter_map(FailedCommand::parse)
            .filter(|failed| u64::try_from(pid.as_raw_nonzero().get()) == Ok(failed.handler))
            .for_each(|failed| trace.note(failed));
        trace
    }
}
