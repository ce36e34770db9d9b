//! A worker's way through a SnapStart snapshot.

use std::{
    fmt::{self, Display, Formatter},
    process::ExitStatus,
    time::Duration,
};

use tokio::time::timeout;

use super::{Happening, INIT_LIMIT, Worker, broken, event::keep_innermost, happening, with_lines};
use crate::{
    failure::{ErrorType, Failure},
    frame::{self, Report},
};

/// How long a restore may take: Lambda gives it 10 seconds, and nobody would hear of an error after them.
const RESTORE_LIMIT: Duration = Duration::from_millis(9500);

/// What a worker does on either side of a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Runs the user's hooks before the snapshot.
    Checkpoint,
    /// Draws new random state in the copy, and runs the user's hooks there.
    Restore,
}

impl Step {
    fn request(self, streamed: bool) -> Vec<u8> {
        let name = match self {
            Self::Checkpoint => "checkpoint",
            Self::Restore => "restore",
        };
        if streamed { frame::encode(name, b"") } else { format!("{name}\n").into_bytes() }
    }

    fn limit(self) -> Duration {
        match self {
            Self::Checkpoint => INIT_LIMIT,
            Self::Restore => RESTORE_LIMIT,
        }
    }
}

impl Display for Step {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Checkpoint => "before the checkpoint",
            Self::Restore => "after the restore",
        })
    }
}

impl Worker {
    /// Takes a step and passes on all that was logged in it. After an error the worker is of no use.
    pub async fn pass(&mut self, step: Step) -> Result<(), Failure> {
        self.log.begin("");
        let result = timeout(step.limit(), self.step(step)).await.unwrap_or_else(|_| {
            let message = format!("the hooks {step} had not ended after {} ms", step.limit().as_millis());
            Err(Failure::new(ErrorType::DeadlineExceeded, message))
        });
        self.log.drain();
        result
    }

    async fn step(&mut self, step: Step) -> Result<(), Failure> {
        self.requests.begin(vec![step.request(self.lanes.is_none()).into()]);
        let mut stack_trace = Vec::new();
        loop {
            let happening = tokio::select! {
                happening = happening(&mut self.child, &mut self.log, &mut self.reports) => happening,
                () = self.requests.send() => continue,
            };
            match happening {
                Happening::Report(Report::Ready) => return Ok(()),
                Happening::Report(Report::Trace(_, _, lines)) => {
                    keep_innermost(&mut stack_trace, lines);
                }
                Happening::Report(Report::Failed(failure)) => return Err(failure),
                Happening::Report(_) => {}
                Happening::Malformed(error) => return Err(broken(&error)),
                Happening::Exited(status) => {
                    self.log.drain();
                    let failure = ended(step, status, &self.log.last_lines());
                    return Err(failure.with_stack_trace(stack_trace));
                }
            }
        }
    }
}

/// The failure of a worker that ended in a step: in Bash a hook that fails ends the shell that it runs in.
fn ended(step: Step, status: ExitStatus, last_lines: &str) -> Failure {
    let (error_type, what) = match status.code() {
        Some(code @ 1..) => (ErrorType::ExitStatus, format!("a hook {step} ended with status {code}")),
        _ => (ErrorType::WorkerExited, format!("the worker ended ({status}) {step}")),
    };
    Failure::new(error_type, with_lines(what, last_lines))
}
