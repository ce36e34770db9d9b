//! Tries again, with pauses.

use std::{pin::Pin, time::Duration};

use tokio::time::sleep;

/// The pauses before an answer is posted again, in milliseconds. After the last attempt the Runtime API is taken for gone.
pub(super) const POST_PAUSES: [u64; 2] = [50, 100];

/// One attempt. Boxed: the future of an async closure cannot be moved between threads, as tasks ask for.
pub(super) type Attempt<'a, T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'a>>;

/// Tries until an attempt is `Ok`, once more after each of these pauses, and gives the last error. `note` hears of the
/// others.
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
