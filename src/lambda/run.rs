//! A slot's life on Lambda: its worker loads the user's file, then it takes one event after the other.

use std::{future::pending, path::Path, sync::Arc};

use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use super::{
    ApiError, Client, StreamedResponse, extension,
    snapstart::{self, Unready},
};
use crate::{
    failure::Failure,
    languages, logs,
    process::Children,
    settings::{Config, ResponseMode},
    worker::slot::Slot,
};

/// Why the runtime ends. It never does of itself.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// The init, or the restore, failed; Lambda has been told.
    #[error("{0}")]
    Unready(Failure),
    /// Events can no longer be had or answered.
    #[error("the runtime ends: {0}")]
    Api(#[from] ApiError),
}

/// Starts the workers and answers events until the Runtime API goes away. Once `shutdown` is cancelled nothing more is
/// asked for or posted, and this has no end.
pub async fn run(
    config: &Arc<Config>,
    api: &str,
    children: &Children,
    shutdown: &CancellationToken,
) -> RuntimeError {
    let mut client = Client::new(api, &config.task_root);
    let (ready, mut loading) = match start(config, &mut client, children, shutdown).await {
        Ok(started) => started,
        // nobody is told, and the others have their time to end
        Err(_) if shutdown.is_cancelled() => pending().await,
        Err(unready) => {
            let (phase, error_type, failure) = unready.parts();
            client.fail_phase(phase, &error_type, &failure).await;
            return RuntimeError::Unready(failure);
        }
    };
    if ready.iter().any(Slot::has_shutdown_hook) {
        extension::register(api).await;
    }
    let answer = |slot| {
        answer_events(slot, Client::new(api, &config.task_root), config.response_mode, shutdown.clone())
    };
    // tasks: a wake-up of the event loop's own future costs a look at the kernel's events, that of a task does not
    let mut answering: JoinSet<_> = ready.into_iter().map(answer).collect();
    loop {
        tokio::select! {
            Some(error) = answering.join_next() => return joined(error).into(),
            Some(loaded) = loading.join_next() => match joined(loaded) {
                Ok(slot) => drop(answering.spawn(answer(slot))),
                Err(failure) if !shutdown.is_cancelled() => {
                    tracing::error!("a worker could not be started, and the others do without it: {failure}");
                }
                Err(_) => {}
            },
        }
    }
}

/// Slots that load the user's file.
type Loading = JoinSet<Result<Slot, Failure>>;

/// Starts all workers and waits for the first that is ready; for a snapshot, for all.
async fn start(
    config: &Arc<Config>,
    client: &mut Client,
    children: &Children,
    shutdown: &CancellationToken,
) -> Result<(Vec<Slot>, Loading), Unready> {
    let launch = Arc::new(languages::launch(config).map_err(Unready::Init)?);
    let mut loading = JoinSet::new();
    for _ in 0..config.max_concurrency {
        let mut slot = Slot::new(&launch, config, children, shutdown);
        loading.spawn(async move { slot.load().await.map(|()| slot) });
    }
    let mut slots = vec![first(&mut loading).await.map_err(Unready::Init)?];
    if config.snapstart {
        while let Some(loaded) = loading.join_next().await {
            slots.push(joined(loaded).map_err(Unready::Init)?);
        }
        snapstart::run(client, &mut slots).await?;
    }
    Ok((slots, loading))
}

/// The first slot that has loaded the file; the first failure if none can.
async fn first(loading: &mut Loading) -> Result<Slot, Failure> {
    let mut failed = None;
    while let Some(loaded) = loading.join_next().await {
        match joined(loaded) {
            Ok(slot) => return Ok(slot),
            Err(failure) => failed = failed.or(Some(failure)),
        }
    }
    Err(failed.expect("BUG: there is a slot"))
}

fn joined<T>(result: Result<T, JoinError>) -> T {
    result.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
}

/// Posts an error of the init, where the Runtime API can be reached.
pub async fn report_init_error(api: &str, task_root: &Path, failure: &Failure) {
    Client::new(api, task_root).fail_phase("init", &failure.header_type(), failure).await;
}

/// The way of an event, in one place.
async fn answer_events(
    mut slot: Slot,
    mut client: Client,
    mode: ResponseMode,
    shutdown: CancellationToken,
) -> ApiError {
    let error = loop {
        let next = slot.ready_during(shutdown.run_until_cancelled(client.next())).await;
        let mut invocation = match next {
            Some(Ok(invocation)) => invocation,
            Some(Err(error)) => break Some(error),
            None => break None,
        };
        let mut streamed = match mode {
            ResponseMode::Buffered => None,
            ResponseMode::Streaming => Some(StreamedResponse::of(&mut invocation)),
        };
        let outcome = match &mut streamed {
            None => slot.run(&invocation).await,
            Some(response) => tokio::select! {
                outcome = slot.run(&invocation) => outcome,
                never = client.pass_on(response) => match never {},
            },
        };
        let posting = async {
            if let Err(failure) = &outcome {
                logs::write_failure(invocation.request_id(), invocation.tenant_id(), failure);
            }
            match (streamed, outcome) {
                (Some(response), outcome) => client.finish(response, &invocation, &outcome).await,
                (None, Ok(answer)) => client.respond(&invocation, answer).await,
                (None, Err(failure)) => client.fail(&invocation, &failure).await,
            }
        };
        let posted = tokio::select! {
            biased;
            posted = shutdown.run_until_cancelled(posting) => posted,
            never = slot.watch() => match never {},
        };
        match posted {
            Some(Ok(())) => {}
            Some(Err(error)) => break Some(error),
            None => break None,
        }
        // the event's memory does not wait for the next event
        drop(invocation);
        slot.prepare().await;
    };
    if let Some(error) = error {
        return error;
    }
    slot.shut_down().await;
    pending().await
}
