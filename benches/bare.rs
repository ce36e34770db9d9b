//! The time of an interpreter that does nothing, in ms: the lower limit for that language.

use std::{
    path::Path,
    process::{Command, Stdio},
    time::Instant,
};

use crate::runtime::milliseconds;

/// In the rounds of what is compared with it.
pub struct Bare {
    /// The starts of a `pwsh`, where there is one.
    pub pwsh: Vec<f64>,
    /// A subshell of Bash, which each event has for itself.
    pub subshell: Vec<f64>,
}

/// From the start of a bare `pwsh` to its end.
pub fn start_of(pwsh: &Path) -> f64 {
    let mut command = Command::new(pwsh);
    command.args(["-NoProfile", "-NonInteractive", "-Command", "1"]).stdout(Stdio::null());
    let began = Instant::now();
    let status = command.status();
    assert!(status.is_ok_and(|status| status.success()), "a bare pwsh fails");
    milliseconds(began.elapsed())
}

/// Each of as many subshells in one Bash, which tells their time without its own start.
pub fn subshell(count: usize) -> f64 {
    let loops = format!("TIMEFORMAT=%6R; time for ((i = 0; i < {count}; i++)); do ( : ); done");
    let output = Command::new("bash").args(["-c", &loops]).output().expect("a bash on the PATH");
    let seconds = String::from_utf8_lossy(&output.stderr).trim().parse::<f64>().expect("what `time` prints");
    seconds * 1000.0 / count as f64
}
