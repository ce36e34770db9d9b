//! The retries of steps, and times in the format of the service.

use crate::durable::update::LONGEST_WAIT;

/// When a step is tried again.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// How many further attempts there are.
    pub retries: u64,
    /// The exit statuses after which a step is tried again; empty for all.
    pub retry_on: Vec<i64>,
    /// Seconds before the second attempt, the factor of each further pause, and the longest pause.
    pub backoff: f64,
    pub rate: f64,
    pub max_delay: f64,
    /// Seconds between two runs of an `until` step.
    pub every: Option<f64>,
    /// Seconds after which the step fails.
    pub timeout: Option<f64>,
    /// Whether an attempt that was interrupted has failed.
    pub at_most_once: bool,
}

impl Policy {
    /// The delay after this attempt, in whole seconds; `None` if no attempt follows.
    pub fn delay(&self, attempt: u64, status: i64) -> Option<u64> {
        let is_worth_it = self.retry_on.is_empty() || self.retry_on.contains(&status);
        if attempt > self.retries || !is_worth_it {
            return None;
        }
        let exponent = i32::try_from(attempt - 1).unwrap_or(i32::MAX);
        Some(whole_seconds((self.backoff * self.rate.powi(exponent)).min(self.max_delay)))
    }
}

/// A time for the service: whole seconds, from 1 to the longest wait.
pub fn whole_seconds(seconds: f64) -> u64 {
    // a cast saturates
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let whole = seconds.ceil() as u64;
    whole.clamp(1, LONGEST_WAIT)
}
