//! The descriptors through which a shim that forks a process for each event gets it and gives its answer.
//!
//! Two lanes take turns: the process of number n uses lane n mod 2. It opens its lane before its event comes, so
//! that nothing but the event itself is waited for. Always true: the lane of the current process, and of the one
//! after it once the current one has its event, holds nothing of an earlier event. A file or a pipe is never used
//! for two events, as what an earlier one has left behind may still hold it.

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

/// An event that Bash takes from its lines sooner than by opening one more file, in bytes.
const SMALL_EVENT: usize = 64 * 1024;

/// A mark that is added to an argument whose end Bash would change.
const MARK: &str = "x";

pub(super) struct Lanes {
    pair: [Lane; 2],
    /// The number of the process that has the event, or is to have the next one.
    current: u64,
}

/// The descriptors keep their numbers for as long as the worker lives; what they are changes with each event.
struct Lane {
    /// Both ends of the pipe that a process waits at.
    wake: OwnedFd,
    wake_end: OwnedFd,
    context: OwnedFd,
    event: OwnedFd,
    answer: pipe::Receiver,
    answer_end: OwnedFd,
    /// The argument of a large event, where standard input does not hold the same bytes: without NUL bytes, and with a
    /// mark at its end.
    argument: Option<OwnedFd>,
    used: bool,
}

impl Lanes {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self { pair: [Lane::new()?, Lane::new()?], current: 1 })
    }

    /// Of each lane the descriptors where a process waits, of the context, of the event and of the answer.
    pub(super) fn descriptors(&self) -> impl Iterator<Item = RawFd> {
        let of_one = |lane: &Lane| {
            [&lane.wake_end, &lane.context, &lane.event, &lane.answer_end].map(AsRawFd::as_raw_fd)
        };
        self.pair.iter().flat_map(of_one)
    }

    /// The pipes at which processes wait.
    pub(super) fn wakes(&self) -> Vec<PipeName> {
        self.pair.iter().map(|lane| PipeName::of(&lane.wake_end)).collect()
    }

    /// Whether this is the number of the process that has the event, or is to have the next one.
    pub(super) fn is_current(&self, number: u64) -> bool {
        number == self.current
    }

    /// Makes the lanes ready for the event to come. What fails here is tried again when it comes.
    pub(super) fn renew(&mut self) -> io::Result<()> {
        self.pair.iter_mut().filter(|lane| lane.used).try_for_each(Lane::renew)
    }

    /// Lets the processes that wait for an event see that there will be none.
    pub(super) fn close(&mut self) -> io::Result<()> {
        let nothing = open("/dev/null", OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?;
        self.pair.iter_mut().try_for_each(|lane| Ok(dup3(&nothing, &mut lane.wake, DupFlags::CLOEXEC)?))
    }

    /// Hands an event to the process that waits for it.
    pub(super) fn send_event(&mut self, invocation: &Invocation) -> io::Result<()> {
        self.renew()?;
        self.lane().send_event(invocation)
    }

    /// Whether the current process, which has ended, had taken the event; if not, the next one can have it.
    pub(super) fn event_was_taken(&mut self) -> io::Result<bool> {
        let wake_end = &self.lane().wake_end;
        if ioctl_fionread(wake_end)? == 0 {
            return Ok(true);
        }
        read(wake_end, &mut [0; 1])?;
        Ok(false)
    }

    /// The current process has answered or ended: it is the next one's turn. An error where that one may have
    /// opened what an earlier event has used.
    pub(super) fn next(&mut self) -> io::Result<()> {
        let lane = self.lane();
        lane.used = true;
        lane.argument = None;
        self.current += 1;
        if self.lane().used {
            Err(io::Error::other("it ended before the next one could be prepared for"))
        } else {
            Ok(())
        }
    }

    /// Where the current process writes its answer.
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

    /// Gives the numbers of the descriptors to fresh files and a fresh pipe.
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
            // the process that waits has opened these very files
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
