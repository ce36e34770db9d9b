//! The sessions of the page on running locally, as they stand there: commands, and what is seen of them.

use std::{net::TcpListener, process::Command};

use crate::support::{BOOTSTRAP, available, code_block, on_path, repository};

/// What differs from run to run: ids, times, sizes.
fn masked(line: &str) -> String {
    let mask = |word: &str| {
        let is_id = word.len() == 36 && word.matches('-').count() == 4;
        let is_number = !word.is_empty() && word.parse::<f64>().is_ok();
        if is_id || is_number { "…".to_owned() } else { word.to_owned() }
    };
    line.split([' ', '\t', '"']).map(mask).collect::<Vec<_>>().join(" ")
}

/// Runs a session; gives what the page shows of it, and what is seen now. Log and answers may come in another order.
fn session(page_line: &str) -> (Vec<String>, Vec<String>) {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let block = code_block("local.md", page_line).replace("9000", &port);
    let (commands, shown): (Vec<_>, Vec<_>) = block.lines().partition(|line| line.starts_with("$ "));
    let commands: Vec<_> = commands.iter().map(|line| line.trim_start_matches("$ ")).collect();
    let script = commands.join("\n").replace("../target/release/bootstrap", "\"$BOOTSTRAP\"").replace(
        "curl ",
        "curl -sS --retry 50 --retry-connrefused --retry-delay 0 --max-time 20 --write-out '\\n' ",
    );
    let script = format!("exec 2>&1\n{script}\nset +m; kill $! 2>/dev/null; wait");
    let mut command = Command::new("bash");
    command.args(["-c", &script]).current_dir(repository()).env("BOOTSTRAP", BOOTSTRAP);
    let output = command.env_remove("AWS_LAMBDA_RUNTIME_API").output().unwrap();
    let seen = String::from_utf8(output.stdout).unwrap();
    let sorted = |lines: Vec<&str>| {
        let mut lines: Vec<_> = lines.into_iter().map(masked).collect();
        lines.sort();
        lines
    };
    (sorted(shown), sorted(seen.lines().collect()))
}

#[test]
fn the_sessions_show_what_is_seen() {
    if !available("curl", on_path("curl")) {
        return;
    }
    for line in [
        "$ ../target/release/bootstrap function.handler @../tests/events/sqs.json",
        "$ ../target/release/bootstrap --serve 9000 --watch function.handler &",
    ] {
        let (shown, seen) = session(line);
        assert_eq!(shown, seen, "{line}");
    }
}
