//! A slot on Lambda: its worker loads the user's file, then the slot answers one event after the other.

use std::{future::pending, path::Path, pin::pin, sync::Arc};

use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use super::{
    ApiError, Client, Reply, extension,
    snapstart::{self, Unready},
};
use crate::{
    durable::Durable,
    event::invocation::{Invocation, Outcome},
    failure::Failure,
    languages, logs,
    process::Children,
    settings::Settings,
    worker::slot::Slot,
};

#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    #[error("{0}")]
    Unready(Failure),
    #[error("the runtime ends: {0}")]
    Api(#[from] ApiError),
}

/// Starts the workers and answers events until the Runtime API is gone. During a shutdown, it asks for and posts
/// nothing, and never returns.
pub async fn run(settings: &Arc<Settings>, api: &str, children: &Children) -> RuntimeError {
    let mut client = Client::new(api, &settings.task_root);
    let start = start(settings, &mut client, children);
    // no init error is posted during a shutdown
    let Some(started) = children.shutdown.run_until_cancelled(start).await else { return pending().await };
    let (ready, mut loading) = match started {
        Ok(started) => started,
        Err(Unready { phase, error_type, failure }) => {
            let error_type = error_type.map_or_else(|| failure.header_type(), str::to_owned);
            client.fail_phase(phase, &error_type, &failure).await;
            return RuntimeError::Unready(failure);
        }
    };
    if ready.iter().any(Slot::has_shutdown_hook) {
        extension::register(api).await;
    }
    let durable = Arc::new(Durable::new(settings));
    let answer = |slot| {
        let client = Client::new(api, &settings.task_root);
        answer_events(slot, client, Arc::clone(&durable), children.shutdown.clone())
    };
    // tasks: waking the event loop's own future costs a poll of the kernel's events, waking a task does not
    let mut answering: JoinSet<_> = ready.into_iter().map(answer).collect();
    loop {
        tokio::select! {
            Some(error) = answering.join_next() => return joined(error).into(),
            Some(loaded) = loading.join_next() => match joined(loaded) {
                Ok(slot) => drop(answering.spawn(answer(slot))),
                Err(failure) if !children.shutdown.is_cancelled() => warn_of(&failure),
                Err(_) => {}
            },
        }
    }
}

/// Slots that load the user's file.
type Loading = JoinSet<Result<Slot, Failure>>;

/// Starts all workers and waits for the first that is ready; for a snapshot, for all.
async fn start(
    settings: &Arc<Settings>,
    client: &mut Client,
    children: &Children,
) -> Result<(Vec<Slot>, Loading), Unready> {
    let setup = languages::setup(settings, children).await?;
    let mut loading = JoinSet::new();
    for _ in 0..settings.max_concurrency.get() {
        let mut slot = Slot::new(&setup);
        loading.spawn(async move { slot.load().await.map(|()| slot) });
    }
    let mut slots = vec![first(&mut loading).await?];
    if settings.snapstart {
        while let Some(loaded) = loading.join_next().await {
            slots.push(joined(loaded)?);
        }
        snapstart::run(client, &mut slots).await?;
    }
    Ok((slots, loading))
}

/// The first slot that has loaded the file; the first failure if none can.
async fn first(loading: &mut Loading) -> Result<Slot, Failure> {
    let mut failed = Vec::new();
    while let Some(loaded) = loading.join_next().await {
        match joined(loaded) {
            Ok(slot) => {
                failed.iter().for_each(warn_of);
                return Ok(slot);
            }
            Err(failure) => failed.push(failure),
        }
    }
    Err(failed.into_iter().next().expect("BUG: there is a slot"))
}

/// Logs that a worker is missing.
fn warn_of(failure: &Failure) {
    tracing::error!("a worker could not be started; the others continue: {failure}");
}

fn joined<T>(result: Result<T, JoinError>) -> T {
    result.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
}

/// Posts an error of init, if the Runtime API can be reached.
pub async fn report_init_error(api: &str, task_root: &Path, failure: &Failure) {
    Client::new(api, task_root).fail_phase("init", &failure.header_type(), failure).await;
}

/// Answers events: the path of an event, in one place.
async fn answer_events(
    mut slot: Slot,
    mut client: Client,
    durable: Arc<Durable>,
    shutdown: CancellationToken,
) -> ApiError {
    loop {
        let next = slot.ready_during(shutdown.run_until_cancelled(client.next())).await;
        let mut invocation = match next {
            Some(Ok(invocation)) => invocation,
            Some(Err(error)) => return error,
            None => break,
        };
        let mut reply = client.reply(&invocation);
        let outcome = run_event(&mut slot, &mut reply, &durable, &mut invocation).await;
        let posting = async {
            if let Err(failure) = &outcome {
                logs::write_failure(&invocation, failure);
            }
            reply.finish(&invocation, outcome).await
        };
        let posted = tokio::select! {
            biased;
            posted = shutdown.run_until_cancelled(posting) => posted,
            never = slot.watch() => match never {},
        };
        match posted {
            Some(Ok(())) => {}
            Some(Err(error)) => return error,
            None => break,
        }
        // frees the event's memory before the next event
        drop(invocation);
        slot.prepare().await;
    }
    slot.shut_down().await;
    pending().await
}

/// Runs an event. Sends a streamed answer while it is written.
async fn run_event(slot: &mut Slot, reply: &mut Reply<'_>, durable: &Durable, invocation: &mut Invocation) -> Outcome {
    let (envelope, answer) = durable.answer_of(invocation)?;
    reply.is_streamed = answer.is_streamed();
    // a large future: moving it would be slow
    let handler = pin!(durable.run(slot, invocation, envelope));
    answer.run(handler, reply).await
}
