//! SnapStart: workers are made ready for a snapshot of the environment, and for use in each copy of it.
//!
//! The order: all workers have loaded the user's file, all have run its hooks before the checkpoint, Lambda is
//! asked for the restore, once, and answers in the copy; all workers have new random state and have run the hooks
//! after the restore; events are asked for. Nothing that waits for a time, and no connection, is carried through.

use std::{
    ffi::{OsStr, OsString},
    io,
    os::unix::process::CommandExt,
    process::Command,
};

use futures_util::future::try_join_all;
use http::Method;
use lambda_runtime_api_client::{BoxError, PooledClient, body::Body, build_request};

use crate::{
    config::variable::{INITIALIZATION_TYPE, SNAPSTART},
    failure::{ErrorType, Failure},
    supervisor::Slot,
    worker::Step,
};

/// What Lambda sets the initialization type to.
pub const SNAP_START: &str = "snap-start";

/// What a failure keeps from coming to be.
#[derive(Debug)]
pub enum Unready {
    /// The environment, or the snapshot of it.
    Init(Failure),
    /// The copy.
    Restore(Failure),
}

/// Whether Lambda will take a snapshot, which `lambda_runtime` would also see.
#[must_use]
pub fn is_announced(environment: &[(OsString, OsString)]) -> bool {
    environment.iter().any(|(name, value)| name == INITIALIZATION_TYPE && value == SNAP_START)
}

/// Starts this program anew in its place, with another variable for the initialization type.
///
/// Each `Runtime` of `lambda_runtime` asks for a restore where it finds the variable in the environment, and we
/// run one for each worker, which all go into one snapshot. It also could not report more of a hook's error than
/// its text. To change the environment of a process that runs is unsafe.
#[must_use]
pub fn take_over(arguments: &[OsString], environment: &[(OsString, OsString)]) -> io::Error {
    let environment = environment.iter().filter(|(name, _)| name != INITIALIZATION_TYPE);
    let program = match std::env::current_exe() {
        Ok(program) => program,
        Err(error) => return error,
    };
    let mut command = Command::new(&program);
    command.args(arguments).env_clear().envs(environment.cloned()).env(SNAPSTART, "1");
    command.arg0(std::env::args_os().next().as_deref().unwrap_or(OsStr::new("bootstrap"))).exec()
}

/// Takes all workers into the snapshot and out of it.
pub async fn run(client: &PooledClient, slots: &[Slot]) -> Result<(), Unready> {
    pass(slots, Step::Checkpoint).await.map_err(Unready::Init)?;
    restored(client).await.map_err(|error| {
        let cause = crate::runtime::causes(error.as_ref());
        let message = format!("the Runtime API did not say that the environment was restored: {cause}");
        Unready::Init(Failure::new(ErrorType::RestoreFailed, message))
    })?;
    client.reset_pool();
    pass(slots, Step::Restore).await.map_err(Unready::Restore)
}

async fn pass(slots: &[Slot], step: Step) -> Result<(), Failure> {
    try_join_all(slots.iter().map(|slot| slot.pass(step))).await.map(drop)
}

/// Waits until Lambda has restored the environment from its snapshot.
async fn restored(client: &PooledClient) -> Result<(), BoxError> {
    let request = build_request().method(Method::GET).uri("/2018-06-01/runtime/restore/next");
    let status = client.call(request.body(Body::default())?).await?.status();
    if status.is_success() { Ok(()) } else { Err(format!("it answered {status}").into()) }
}
