//! SnapStart: workers are made ready for a snapshot of the environment, and for use in each copy of it.
//!
//! The order: all workers have loaded the user's file, all have run its hooks before the checkpoint, Lambda is
//! asked for the restore, once, and answers in the copy; all workers have new random state and have run the hooks
//! after the restore; events are asked for. Nothing that waits for a time, and no connection, is carried through.

use futures_util::future::{join_all, try_join_all};

use super::{Client, endpoint::Endpoint};
use crate::{
    failure::{ErrorType, Failure},
    worker::Step,
    worker::slot::Slot,
};

/// The phase that failed.
#[derive(Debug)]
pub(super) enum Unready {
    /// The environment.
    Init(Failure),
    /// The snapshot of it: a hook has failed.
    Checkpoint(Failure),
    /// The copy: a hook has failed.
    Restore(Failure),
}

impl Unready {
    /// The endpoint that the failure is posted to, the type for the header, and the failure.
    pub(super) fn parts(self) -> (Endpoint, String, Failure) {
        match self {
            Self::Init(failure) => (Endpoint::INIT_ERROR, failure.header_type(), failure),
            Self::Checkpoint(failure) => {
                (Endpoint::INIT_ERROR, "Runtime.BeforeSnapshotError".to_owned(), failure)
            }
            Self::Restore(failure) => {
                (Endpoint::RESTORE_ERROR, "Runtime.AfterRestoreError".to_owned(), failure)
            }
        }
    }
}

/// Takes all workers into the snapshot and out of it.
pub(super) async fn run(client: &mut Client, slots: &mut [Slot]) -> Result<(), Unready> {
    run_hooks(slots, Step::Checkpoint).await.map_err(Unready::Checkpoint)?;
    restored(client, slots).await.map_err(Unready::Init)?;
    run_hooks(slots, Step::Restore).await.map_err(Unready::Restore)
}

async fn run_hooks(slots: &mut [Slot], step: Step) -> Result<(), Failure> {
    try_join_all(slots.iter_mut().map(|slot| slot.run_hooks(step))).await.map(drop)
}

/// Waits until Lambda has restored the environment.
async fn restored(client: &mut Client, slots: &mut [Slot]) -> Result<(), Failure> {
    tokio::select! {
        restored = client.restored() => restored.map_err(|error| {
            let message = format!("the Runtime API did not say that the environment was restored: {error}");
            Failure::new(ErrorType::RestoreFailed, message)
        }),
        _ = join_all(slots.iter_mut().map(Slot::watch)) => unreachable!("BUG: this has no end"),
    }
}
