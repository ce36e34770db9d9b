//! Attempts with pauses between them.

use std::{pin::Pin, time::Duration};

use tokio::time::sleep;

/// The pauses before an answer is posted again, in milliseconds. After the last attempt, the environment ends.
pub(super) const POST_PAUSES: [u64; 2] = [50, 100];

/// One attempt. Boxed, because tasks need a future that is `Send`, and that of an async closure is not.
pub(super) type Attempt<'a, T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'a>>;

/// Tries until an attempt is `Ok`, again after each of these pauses, and returns the last error. `note` gets the
/// earlier errors.
pub(super) async fn retried<C, T, E>(
    mut context: C,
    pauses: &[u64],
    attempt: impl Fn(&mut C) -> Attempt<'_, T, E>,
    note: impl Fn(&E, Duration),
) -> Result<T, E> {
    for pause in pauses.iter().copied().map(Duration::from_millis) {
        match attempt(&mut context).await {
            Ok(value) => return Ok(value),
            Err(error) => note(&error, pause),
        }
        sleep(pause).await;
    }
    attempt(&mut context).await
}
