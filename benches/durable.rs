//! Steps of durable functions: the cost of one beside the work that it does. The handler reads the clock itself, around a
//! loop of the bare work, a loop of steps, and the same loop in a replay. The embedded service keeps them, so that nothing
//! is sent over a network.

use std::{
    fmt::Write,
    fs,
    process::{Command, Stdio},
};

use crate::{contenders::Programs, metrics::Spread};

const BASH: &str = r#"now() { printf -v "$1" %s "${EPOCHREALTIME/[.,]/}"; }
handler() {
    local first last i plain ran
    now first; for ((i = 0; i < $1; i++)); do /bin/true; done; now last
    plain=$((last - first))
    now first; for ((i = 0; i < $1; i++)); do durable step "step $i" /bin/true; done; now last
    ran=$(durable step ran --any-args echo "$plain $((last - first))")
    durable wait 1h
    echo "$ran $((last - first))"
}
"#;

const POWERSHELL: &str = r#"function f { param($Count)
  $watch = [Diagnostics.Stopwatch]::StartNew()
  for ($i = 0; $i -lt $Count; $i++) { $null = & { 1 } }
  $plain = $watch.Elapsed.TotalMicroseconds
  $watch.Restart()
  for ($i = 0; $i -lt $Count; $i++) { $null = Invoke-DurableStep "step $i" { 1 } }
  $last = $watch.Elapsed.TotalMicroseconds
  $ran = Invoke-DurableStep ran { "$plain $last" }
  Wait-Durable 01:00:00
  "$ran $last"
}
"#;

const LISP: &str = r#"(defun f (data headers) (declare (ignore headers))
  (let ((count (parse-integer data)) (first (get-internal-real-time)) plain last ran)
    (flet ((since () (round (* 1000000 (- (get-internal-real-time) first)) internal-time-units-per-second)))
      (dotimes (i count) (funcall (lambda () 1)))
      (setf plain (since) first (get-internal-real-time))
      (dotimes (i count) (durable:durable-step (format nil "step ~D" i) 1))
      (setf last (since)
            ran (durable:durable-step "ran" (format nil "~D ~D" plain last)))
      (durable:durable-wait 3600)
      (format nil "~A ~D" ran last))))
"#;

/// The steps of one language, in ms for each step beside its work.
pub struct Steps {
    pub name: &'static str,
    pub ran: Vec<f64>,
    pub replayed: Vec<f64>,
}

/// Measures the languages that are here, in turns.
pub fn run(programs: &Programs, rounds: usize, count: usize) -> Vec<Steps> {
    let mut languages = vec![("Bash function, command as a step", "steps.handler", "steps.sh", BASH)];
    if programs.core().is_some() {
        languages.push(("Lisp function", "steps.f", "steps.lisp", LISP));
    }
    if programs.pwsh.is_some() {
        languages.push(("PowerShell function", "Steps.f", "Steps.psm1", POWERSHELL));
    }
    let mut measured: Vec<_> =
        languages.iter().map(|(name, ..)| Steps { name, ran: Vec::new(), replayed: Vec::new() }).collect();
    for _ in 0..rounds {
        for ((_, handler, file, source), steps) in languages.iter().zip(&mut measured) {
            let [plain, ran, replayed] = once(programs, handler, file, source, count);
            steps.ran.push((ran - plain) / count as f64);
            steps.replayed.push(replayed / count as f64);
        }
    }
    measured
}

/// The times of the three loops, in ms.
fn once(programs: &Programs, handler: &str, file: &str, source: &str, count: usize) -> [f64; 3] {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join(file), source).expect("a temporary file");
    let mut command = Command::new(programs.bootstrap());
    command.args(["--durable", "--skip-time", handler, &count.to_string()]);
    if let Some(core) = programs.core() {
        command.env("SCRIPT_RUNTIME_LISP_CORE", core);
    }
    let output = command.current_dir(folder.path()).stderr(Stdio::null()).output().expect("bootstrap is built");
    let text = String::from_utf8_lossy(&output.stdout);
    let times: Vec<f64> = text.split_whitespace().filter_map(|time| time.parse::<f64>().ok()).collect();
    let times: [f64; 3] = times.try_into().unwrap_or_else(|_| panic!("{handler} answers {text}"));
    times.map(|time| time / 1000.0)
}

/// The section of the report.
pub fn section(steps: &[Steps], count: usize) -> String {
    let mut text = format!(
        "\n## Steps of durable functions\n\nThe time of one step beside its own work, over {count} steps in a row: run, with its \
         checkpoint in the embedded service, and replayed.\n\n| | run | replayed |\n|---|---|---|\n"
    );
    for Steps { name, ran, replayed } in steps {
        let cell = |values: &[f64]| {
            let spread = Spread::of(values);
            spread.map_or_else(
                || "–".to_owned(),
                |spread| format!("{:.2} ({:.2}–{:.2}) ms", spread.median, spread.low, spread.high),
            )
        };
        let _ = writeln!(text, "| {name} | {} | {} |", cell(ran), cell(replayed));
    }
    text
}
