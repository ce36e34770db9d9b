//! SnapStart: prepares workers for a snapshot of the environment, and for use in each copy of it.
//!
//! The order: all workers load the user's file and run its hooks before the checkpoint. One request to Lambda waits for
//! the restore, and is answered in the copy. All workers get new random state and run the hooks after the restore. Then
//! the slots ask for events. No timer and no connection stays open in the snapshot.

use futures_util::future::{join_all, try_join_all};

use super::Client;
use crate::{
    failure::{ErrorType, Failure},
    worker::Step,
    worker::slot::Slot,
};

/// The reason why no event can be answered.
#[derive(Debug)]
pub(super) struct Unready {
    /// The phase whose error it is: `init` or `restore`.
    pub(super) phase: &'static str,
    /// The type for the header, if it is not the failure's own.
    pub(super) error_type: Option<&'static str>,
    pub(super) failure: Failure,
}

impl From<Failure> for Unready {
    fn from(failure: Failure) -> Self {
        Self { phase: "init", error_type: None, failure }
    }
}

/// Runs the hooks of all workers before the snapshot and after the restore.
pub(super) async fn run(client: &mut Client, slots: &mut [Slot]) -> Result<(), Unready> {
    let hook = |phase, error_type| move |failure| Unready { phase, error_type: Some(error_type), failure };
    run_hooks(slots, Step::CHECKPOINT).await.map_err(hook("init", "Runtime.BeforeSnapshotError"))?;
    restored(client, slots).await?;
    run_hooks(slots, Step::RESTORE).await.map_err(hook("restore", "Runtime.AfterRestoreError"))
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
