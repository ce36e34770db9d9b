//! The soak of `make soak`: for `SOAK_SECONDS` (600), events in each language whose workers are killed at random.
//! It prints what it did, and fails on any event that was lost or crossed and on anything that has grown.
//! `SOAK_SEED` repeats the choices of an earlier run.

#![allow(clippy::unwrap_used, dead_code, unreachable_pub, unused_imports)]

mod support;

use std::{
    env,
    process::ExitCode,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use support::{language::LANGUAGES, storm::storm};

/// The number that a variable holds.
fn setting(name: &str) -> Option<u64> {
    env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is no number")))
}

fn main() -> ExitCode {
    let seconds = setting("SOAK_SECONDS").unwrap_or(600);
    let seed = setting("SOAK_SEED").unwrap_or_else(|| SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs());
    println!("soak: {seconds} s, SOAK_SEED={seed}");
    // the languages whose interpreter is here share the time
    let here: Vec<_> = LANGUAGES.into_iter().filter(|language| language.evaluator().is_some()).collect();
    let share = Duration::from_secs(seconds) / u32::try_from(here.len()).unwrap();
    let mut clean = true;
    for language in here {
        // the start of the function takes nothing of its share
        let mut begin = None;
        let tally = storm(language, seed, |_| begin.get_or_insert_with(Instant::now).elapsed() >= share);
        let tally = tally.expect("its interpreter is here");
        clean &= tally.is_clean();
        println!("{tally}");
    }
    if clean {
        return ExitCode::SUCCESS;
    }
    println!("soak: something was lost, crossed or left behind");
    ExitCode::FAILURE
}
