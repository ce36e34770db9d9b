//! The descriptors for the event and the answer of a forking shim.
//!
//! Two lanes take turns: process n uses lane n mod 2. It opens its lane before its event comes, so that it only waits
//! for the event itself. Always true: the lane of the current process contains nothing of an earlier event. Once the
//! current process has its event, this also holds for the lane of the next process. No file or pipe is used for two
//! events, because processes of an earlier event may still have it open.

use std::{
    io,
    os::fd::{AsRawFd, OwnedFd, RawFd},
};

use rustix::{
    fs::{Mode, OFlags, ftruncate, open},
    io::{DupFlags, dup3, ioctl_fionread, read},
    pipe::{PipeFlags, pipe_with},
};
use tokio::net::unix::pipe;

use super::{
    memory::{fill, fill_with_input, memory_file},
    pipes::answer_pipe,
};
use crate::{event::invocation::Invocation, process::PipeName};

/// Up to this size, Bash reads an event faster from the context than from one more file, in bytes.
const SMALL_EVENT: usize = 64 * 1024;

/// A mark that is added to an argument with trailing newlines, which Bash would remove.
const MARK: &str = "x";

pub(super) struct Lanes {
    pair: [Lane; 2],
    /// The number of the process of the current or the next event.
    current: u64,
}

/// The descriptors keep their numbers while the worker runs, but get new files and pipes for each event.
struct Lane {
    /// Both ends of the pipe at which a process waits for its event.
    wake: OwnedFd,
    wake_end: OwnedFd,
    context: OwnedFd,
    event: OwnedFd,
    answer: pipe::Receiver,
    answer_end: OwnedFd,
    /// The argument for a large event, if it differs from standard input: without NUL bytes, and with a mark at its
    /// end.
    argument: Option<OwnedFd>,
    used: bool,
}

impl Lanes {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self { pair: [Lane::new()?, Lane::new()?], current: 1 })
    }

    /// For each lane, the descriptors `wake`, `context`, `event` and `answer`.
    pub(super) fn descriptors(&self) -> impl Iterator<Item = RawFd> {
        let of_one =
            |lane: &Lane| [&lane.wake_end, &lane.context, &lane.event, &lane.answer_end].map(AsRawFd::as_raw_fd);
        self.pair.iter().flat_map(of_one)
    }

    /// The pipes at which processes wait.
    pub(super) fn wakes(&self) -> Vec<PipeName> {
        self.pair.iter().map(|lane| PipeName::of(&lane.wake_end)).collect()
    }

    /// Whether this is the number of the process of the current or the next event.
    pub(super) fn is_current(&self, number: u64) -> bool {
        number == self.current
    }

    /// Prepares the lanes for the next event. If this fails, the next event tries again.
    pub(super) fn renew(&mut self) -> io::Result<()> {
        self.pair.iter_mut().filter(|lane| lane.used).try_for_each(Lane::renew)
    }

    /// Ends the processes that wait for an event.
    pub(super) fn close(&mut self) -> io::Result<()> {
        let nothing = open("/dev/null", OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?;
        self.pair.iter_mut().try_for_each(|lane| Ok(dup3(&nothing, &mut lane.wake, DupFlags::CLOEXEC)?))
    }

    /// Hands an event to the process that waits for it.
    pub(super) fn send_event(&mut self, invocation: &Invocation) -> io::Result<()> {
        self.renew()?;
        self.lane().send_event(invocation)
    }

    /// Whether the current process, which has ended, had taken the event. If not, the next process can take it.
    pub(super) fn event_was_taken(&mut self) -> io::Result<bool> {
        let wake_end = &self.lane().wake_end;
        if ioctl_fionread(wake_end)? == 0 {
            return Ok(true);
        }
        read(wake_end, &mut [0; 1])?;
        Ok(false)
    }

    /// Switches to the next process, after the current one has answered or ended. Fails if the next process may have
    /// opened files of an earlier event.
    pub(super) fn next(&mut self) -> io::Result<()> {
        let lane = self.lane();
        lane.used = true;
        lane.argument = None;
        self.current += 1;
        if self.lane().used { Err(io::Error::other("it ended before the next process was prepared")) } else { Ok(()) }
    }

    /// The pipe with the answer of the current process.
    pub(super) fn answer(&self) -> &pipe::Receiver {
        &self.pair[index(self.current)].answer
    }

    fn lane(&mut self) -> &mut Lane {
        &mut self.pair[index(self.current)]
    }
}

fn index(number: u64) -> usize {
    usize::from(number % 2 == 1)
}

impl Lane {
    fn new() -> io::Result<Self> {
        let (wake_end, wake) = pipe_with(PipeFlags::CLOEXEC)?;
        let (answer, answer_end) = answer_pipe()?;
        let (context, event) = (memory_file("event")?, memory_file("event")?);
        Ok(Self { wake, wake_end, context, event, answer, answer_end, argument: None, used: false })
    }

    /// Replaces the descriptors by new files and a new pipe with the same numbers.
    fn renew(&mut self) -> io::Result<()> {
        let (answer, answer_end) = answer_pipe()?;
        let (context, event) = (memory_file("event")?, memory_file("event")?);
        dup3(&context, &mut self.context, DupFlags::CLOEXEC)?;
        dup3(&event, &mut self.event, DupFlags::CLOEXEC)?;
        dup3(&answer_end, &mut self.answer_end, DupFlags::CLOEXEC)?;
        self.answer = answer;
        self.used = false;
        Ok(())
    }

    fn send_event(&mut self, invocation: &Invocation) -> io::Result<()> {
        self.write(invocation).and_then(|()| Ok(rustix::io::write(&self.wake, b"\n")?)).or_else(|error| {
            // the waiting process has already opened these files
            ftruncate(&self.event, 0)?;
            ftruncate(&self.context, 0)?;
            Err(error)
        })?;
        Ok(())
    }

    fn write(&mut self, invocation: &Invocation) -> io::Result<()> {
        let event = &invocation.event;
        fill_with_input(&self.event, invocation)?;
        let without_nul = || event.iter().copied().filter(|&byte| byte != 0);
        if event.len() <= SMALL_EVENT {
            let mut context = invocation.environment("");
            context.extend(without_nul());
            return Ok(fill(&self.context, &context)?);
        }
        let (mut argument, mut mark) = (&self.event, "");
        if event.ends_with(b"\n") || event.contains(&0) || invocation.request.is_some() {
            let mut text: Vec<u8> = without_nul().collect();
            text.extend_from_slice(MARK.as_bytes());
            argument = self.argument.insert(memory_file("event")?);
            fill(argument, &text)?;
            mark = MARK;
        }
        let context = invocation.environment(&format!(" {} {mark}", argument.as_raw_fd()));
        Ok(fill(&self.context, &context)?)
    }
}
