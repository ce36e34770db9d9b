//! Streamed answers: how soon the first byte of one is there, and how fast 200 MB pass.

use std::{fmt::Write, path::Path};

use crate::{
    contenders::Programs,
    metrics::{Metric, Spread},
    runtime::Contender,
};

const MB: f64 = 1e6;

const BASH: &str = "handler() { head -c \"$1\" /dev/zero; }\n";
const LISP: &str = "(defun main ()\n  (let ((left (read *standard-input*))\n        \
    (block (make-array 65536 :element-type '(unsigned-byte 8))))\n    \
    (loop while (plusp left)\n          do (write-sequence block *standard-output* :end (min left 65536))\n             \
    (decf left 65536))))\n";
const POWERSHELL: &str = "function f { param($Size)\n  $block = [byte[]]::new(65536)\n  \
    for ($left = $Size; $left -ge 65536; $left -= 65536) { , $block }\n  if ($left) { , [byte[]]::new($left) }\n}\n";

/// The results of one runtime.
pub struct Stream {
    name: &'static str,
    /// From the moment that the event is handed out to the first byte, in ms.
    first: Vec<f64>,
    /// In MB a second.
    rate: Vec<f64>,
    /// The most that the first process has had, in MiB.
    memory: f64,
}

/// Measures all whose programs are here.
pub fn run(programs: &Programs, rounds: usize, size: usize) -> Vec<Stream> {
    let contenders = contenders(programs);
    let runtimes: Vec<_> = contenders.iter().map(Contender::start).collect();
    let mut streams: Vec<_> = contenders
        .iter()
        .map(|contender| Stream { name: contender.name, first: Vec::new(), rate: Vec::new(), memory: 0.0 })
        .collect();
    for round in 0..=rounds {
        for (runtime, stream) in runtimes.iter().zip(&mut streams) {
            let first = runtime.streamed(1).0;
            let (begin, end) = runtime.streamed(size);
            // the first round is none of a warm runtime
            if round > 0 {
                stream.first.push(first);
                stream.rate.push(size as f64 / MB / ((end - begin) / 1000.0));
            }
            stream.memory = runtime.peak_memory();
        }
    }
    streams
}

fn contenders(programs: &Programs) -> Vec<Contender> {
    let bootstrap = programs.bootstrap();
    let ours = |name, handler, files: &[_]| {
        let contender = Contender::new(name, &bootstrap, handler, files).ours();
        contender.env("SCRIPT_RUNTIME_RESPONSE_MODE", Path::new("streaming"))
    };
    let mut contenders = vec![
        Contender::new("native stream", &programs.example("stream"), "", &[]),
        ours("Bash function, `head -c`", "function.handler", &[("function.sh", BASH)]),
    ];
    if which::which("sbcl").is_ok() {
        contenders.push(ours("Lisp script", "app.lisp", &[("app.lisp", LISP)]));
    }
    if programs.pwsh.is_some() {
        contenders.push(ours("PowerShell function", "m.f", &[("m.psm1", POWERSHELL)]));
    }
    contenders
}

/// The section of the report.
pub fn section(streams: &[Stream], size: usize) -> String {
    let mut text = format!(
        "\n## Streamed answers\n\nThe time from handing out an event to the first byte of its answer; the throughput of {:.0} MB in \
         blocks of 64 KiB; and the largest memory of the first process.\n\n\
         | | first byte | throughput | memory |\n|---|---|---|---|\n",
        size as f64 / MB
    );
    for stream in streams {
        let (Some(first), Some(rate)) = (Spread::of(&stream.first), Spread::of(&stream.rate)) else {
            continue;
        };
        let _ = writeln!(
            text,
            "| {} | {} | {:.0} ({:.0}–{:.0}) MB/s | {:.1} MiB |",
            stream.name,
            Metric::First.text(first.median),
            rate.median,
            rate.low,
            rate.high,
            stream.memory
        );
    }
    text
}
