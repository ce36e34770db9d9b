//! `bootstrap --durable`: the embedded service, its state file and its table.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::support::{BOOTSTRAP, Function, until};

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// The handler with these lines.
fn handler(body: &str) -> Function {
    Function::bash(&format!("handler() {{\n{body}\n}}\n"))
}

/// The command that runs it with these options.
fn command(function: &Function, options: &[&str]) -> Command {
    let mut command = function.local_command("{}");
    command.arg("--durable").args(options).stdin(Stdio::null());
    command
}

fn run(function: &Function, options: &[&str]) -> Output {
    command(function, options).output().unwrap()
}

/// The answer of a run that has succeeded.
fn answer(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(0), "{}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

/// The lines of the table, without their times.
fn table(output: &Output) -> Vec<String> {
    let log = text(&output.stderr);
    let lines = log.lines().skip_while(|line| !line.starts_with("NAME "));
    let lines: Vec<_> = lines.take_while(|line| !line.starts_with("REPORT ")).collect();
    let Some(head) = lines.first() else { panic!("no table: {log}") };
    let (time, result) = (head.find("TIME").unwrap(), head.find("RESULT").unwrap());
    let cell = |line: &str, from: usize, to: usize| line.chars().skip(from).take(to - from).collect::<String>();
    let rows = lines[1..].iter().map(|line| cell(line, 0, time) + &cell(line, result, usize::MAX));
    rows.map(|row| row.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

/// Starts a run in the background.
fn start(function: &Function, options: &[&str]) -> Child {
    command(function, options).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

fn kill(mut child: Child) {
    kill_process(Pid::from_child(&child), Signal::KILL).unwrap();
    child.wait().unwrap();
}

fn answer_command(function: &Function, words: &[&str]) -> Output {
    let mut command = Command::new(BOOTSTRAP);
    command.current_dir(function.path("")).args(["durable", "answer"]).args(words).output().unwrap()
}

fn state(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

#[test]
fn runs_to_the_end_and_shows_the_operations() {
    let function = handler(
        r#"receipt=$(durable step charge -- echo "charged 5")
           durable wait --name thinking 3d
           durable context parcel -- durable step pack -- echo packed >&2
           durable step flaky --retry 3 --backoff 1h -- bash -c '((DURABLE_ATTEMPT > 2)) && echo good' >&2
           durable step long -- bash -c 'printf "%0100d" 7' >&2
           echo "$receipt""#,
    );
    let begun = Instant::now();
    let output = run(&function, &["--skip-time"]);
    assert_eq!(answer(&output), "charged 5\n");
    assert!(begun.elapsed() < Duration::from_secs(60));
    assert_eq!(
        table(&output),
        [
            "charge step 1 charged 5",
            "thinking wait",
            "parcel context packed",
            "pack step 1 packed",
            "flaky step 3 good",
            &format!("long step 1 {}...", "0".repeat(57)),
        ]
    );
    let log = text(&output.stderr);
    assert!(log.contains("\n  pack "), "{log}");
    // the delay has a limit of five minutes
    assert!(log.contains(" 3 d\n") && log.contains(" 10 m "), "{log}");
    assert!(log.lines().last().unwrap().starts_with("REPORT Init Duration: "), "{log}");
}

#[test]
fn time_that_is_skipped_counts() {
    let until =
        run(&handler("durable until u --every 1h --timeout 3h -- false || echo \"status $?\""), &["--skip-time"]);
    assert_eq!(answer(&until), "status 1\n");
    assert_eq!(table(&until), ["u until 4 Durable.TimedOut: `u` was not so after 10800 s"]);
    let wait = run(
        &handler("durable wait 3d; durable wait --name w --until @$(($(date +%s) + 3600)); echo end"),
        &["--skip-time"],
    );
    assert_eq!((answer(&wait), table(&wait)), ("end\n".to_owned(), vec!["wait wait".to_owned()]));
}

#[test]
fn a_wait_takes_its_time() {
    let begun = Instant::now();
    assert_eq!(answer(&run(&handler("durable wait 2s; echo done"), &[])), "done\n");
    assert!(begun.elapsed() >= Duration::from_secs(2));
}

#[test]
fn a_failure_is_json_on_standard_error_and_status_1() {
    let output = run(&handler("durable step no -- bash -c 'echo why >&2; exit 3'"), &[]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(text(&output.stdout), "");
    let log = text(&output.stderr);
    let json = log.lines().find(|line| line.starts_with("{\"errorType\"")).unwrap();
    let json: Value = serde_json::from_str(json).unwrap();
    assert!(json["errorMessage"].as_str().unwrap().contains("why"), "{json}");
    assert!(table(&output)[0].starts_with("no step 1 "), "{log}");
}

#[test]
fn a_finished_state_gives_its_result_again_and_runs_nothing() {
    let function = handler("durable step once -- bash -c 'echo ran >>ran; echo 1'");
    for _ in 0..2 {
        let output = run(&function, &["--state", "s.json"]);
        assert_eq!((answer(&output), table(&output)), ("1\n".to_owned(), vec!["once step 1 1".to_owned()]));
    }
    assert_eq!(fs::read_to_string(function.path("ran")).unwrap(), "ran\n");
    let failing = handler("durable fail Order.Denied 'no stock'");
    for _ in 0..2 {
        let output = run(&failing, &["--state", "s.json"]);
        assert_eq!(output.status.code(), Some(1));
        assert!(text(&output.stderr).contains("\"errorType\":\"Order.Denied\""), "{}", text(&output.stderr));
    }
}

#[test]
fn a_state_belongs_to_one_handler_and_one_event_and_one_run() {
    let function = handler("durable wait 1m; echo done").file("other.sh", "handler() { :; }").file("text", "no");
    let refused = |mut command: Command, message: &str| {
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(text(&output.stderr).contains(message), "{message}: {}", text(&output.stderr));
    };
    let waiting = start(&function, &["--state", "s.json"]);
    until("the wait", || {
        fs::read_to_string(function.path("s.json")).is_ok_and(|text| text.contains("ScheduledEndTimestamp"))
    });
    refused(command(&function, &["--state", "s.json"]), "another run has `");
    kill(waiting);
    let mut other_event = function.local_command("[]");
    other_event.args(["--durable", "--state", "s.json"]);
    refused(other_event, "`s.json` is the state of another event");
    let mut other_handler = Command::new(BOOTSTRAP);
    other_handler.current_dir(function.path("")).args(["--durable", "--state", "s.json", "other.handler", "{}"]);
    refused(other_handler, "`s.json` is the state of the handler `function.handler`");
    let mut served = Command::new(BOOTSTRAP);
    served.current_dir(function.path("")).args(["--serve", "0", "--durable", "--state", "s.json"]);
    refused_by(served.arg("function.handler"), "`s.json` is the state of a run without `--serve`");
    refused(command(&function, &["--state", "text"]), "text` is no state of a durable function");
    refused(command(&function, &["--state", "no/s.json"]), "the state cannot be written to `");
    assert_eq!(answer(&run(&function, &["--state", "s.json", "--skip-time"])), "done\n");
}

fn refused_by(command: &mut Command, message: &str) {
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains(message), "{message}: {}", text(&output.stderr));
}

/// The operations of a state that have ended: their results.
fn results(state: &Value) -> BTreeMap<String, Value> {
    let records = state["Executions"][0]["Records"].as_array().unwrap();
    let ended = records.iter().map(|record| &record["Operation"]).filter(|own| own["EndTimestamp"].is_f64());
    ended.map(|own| (own["Id"].as_str().unwrap().to_owned(), own.clone())).collect()
}

#[test]
fn a_run_that_is_killed_anywhere_goes_on_without_loss() {
    let function = handler(
        r#"for n in {1..12}; do
               x=$(durable step "step $n" -- bash -c "echo $n >>ran; sleep 0.01; echo $n-\$RANDOM") || return
               all+="$x "
               ((n % 4)) || durable wait 1s
           done
           durable context last -- durable step inner -- echo "$all""#,
    );
    let path = function.path("s.json");
    let options = ["--state", "s.json", "--skip-time"];
    let (mut known, mut kills) = (BTreeMap::new(), 0);
    let output = loop {
        let mut child = command(&function, &options).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // later each time, so that it comes to its end
        let deadline = Instant::now() + Duration::from_millis(40 + kills * 17);
        while Instant::now() < deadline && child.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(1));
        }
        if child.try_wait().unwrap().is_some() {
            break child.wait_with_output().unwrap();
        }
        kill(child);
        kills += 1;
        assert!(kills < 200, "it does not come to its end");
        if path.exists() {
            let now = results(&state(&path));
            for (id, operation) in &known {
                assert_eq!(now.get(id), Some(operation), "lost after {kills} kills");
            }
            known = now;
        }
    };
    assert!(kills > 3, "{kills}");
    let all = answer(&output);
    let numbers: Vec<_> = all.split_whitespace().map(|word| word.split_once('-').unwrap().0.to_owned()).collect();
    assert_eq!(numbers, (1..=12).map(|number| number.to_string()).collect::<Vec<_>>());
    let results = results(&state(&path));
    let result = |operation: &&Value| operation["StepDetails"]["Result"] == json!(all.trim_end_matches('\n'));
    assert!(results.values().any(|operation| result(&operation)), "{results:?}");
    let beside: Vec<_> = fs::read_dir(function.path("")).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert!(beside.iter().filter(|name| name.to_string_lossy().starts_with('.')).count() <= 1, "{beside:?}");
}

#[test]
fn an_open_callback_ends_the_run_and_is_answered_by_the_command_that_it_prints() {
    let function = handler(
        r#"answer=$(durable callback approval --timeout 7d -- echo asking) || answer="denied: $?"
           echo "got $answer""#,
    );
    for (end, expected) in [("RESULT", "got RESULT\n"), ("--error TYPE MESSAGE", "got denied: 1\n")] {
        let _ = fs::remove_file(function.path("my state.json"));
        let output = run(&function, &["--state", "my state.json"]);
        assert_eq!(output.status.code(), Some(75), "{}", text(&output.stderr));
        assert_eq!(text(&output.stdout), "");
        assert_eq!(table(&output)[..2], ["approval context open", "approval callback open"]);
        let log = text(&output.stderr);
        assert!(log.contains("the callback `approval` is open: answer it, and run the same command"), "{log}");
        let mut commands = log.lines().filter(|line| line.contains(" durable answer "));
        let printed = commands.find(|line| line.ends_with(end)).unwrap();
        let answered = Command::new("bash").arg("-c").arg(printed).current_dir(function.path("")).output().unwrap();
        assert_eq!(text(&answered.stdout), "answered: run the same command again to continue\n");
        assert!(answered.status.success());
        assert_eq!(answer(&run(&function, &["--state", "my state.json"])), expected);
    }
}

#[test]
fn an_answer_is_refused_that_nobody_waits_for() {
    let function = handler("durable callback approval -- true; durable wait 1s");
    let refused = |words: &[&str], message: &str| {
        let output = answer_command(&function, words);
        assert_eq!(output.status.code(), Some(1));
        assert_eq!(text(&output.stderr).lines().next(), Some(message));
    };
    refused(&["s.json", "approval", "yes"], "bootstrap: the state cannot be read from `s.json`: entity not found");
    run(&function, &["--state", "s.json"]);
    let records = state(&function.path("s.json"))["Executions"][0]["Records"].clone();
    let id = |record: &Value| record["Operation"]["CallbackDetails"]["CallbackId"].as_str().map(str::to_owned);
    let id = records.as_array().unwrap().iter().find_map(id).unwrap();
    let open = format!("bootstrap: there is no callback `other`; open: `approval` ({id})");
    refused(&["s.json", "other", "yes"], &open);
    refused(
        &["s.json", "approval"],
        "bootstrap: `durable answer` takes FILE ID RESULT, FILE ID --error TYPE MESSAGE, or FILE ID --heartbeat; \
         `bootstrap durable answer --help` shows what there is",
    );
    assert!(answer_command(&function, &["s.json", "approval", "--heartbeat"]).status.success());
    assert!(answer_command(&function, &["s.json", &id, "yes"]).status.success());
    let closed = format!("bootstrap: the callback `{id}` is closed: it has been answered; none is open");
    refused(&["s.json", &id, "again"], &closed);
    assert_eq!(answer(&run(&function, &["--state", "s.json"])), "yes\n");
}

#[test]
fn a_run_that_waits_for_a_time_takes_an_answer_meanwhile() {
    let function = handler(
        r"durable context asked -- durable callback approval -- true &
           durable context later -- durable wait 3s &
           wait
           durable step end -- echo end",
    );
    let mut waiting = command(&function, &["--state", "s.json"]);
    let waiting = waiting.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    until("the callback", || {
        fs::read_to_string(function.path("s.json"))
            .is_ok_and(|text| text.contains("CallbackId") && text.contains("ScheduledEndTimestamp"))
    });
    let mut answered = None;
    until("an answer", || {
        let output = answer_command(&function, &["s.json", "approval", "yes"]);
        let taken = output.status.success();
        answered = Some(text(&output.stdout));
        taken
    });
    assert_eq!(answered.as_deref(), Some("answered: the waiting run continues\n"));
    let output = waiting.wait_with_output().unwrap();
    assert!(answer(&output).contains("yes\n"), "{}", text(&output.stdout));
}

#[test]
fn an_open_callback_without_a_state_says_how_to_keep_one() {
    let output = run(&handler("durable callback approval -- true"), &["--skip-time"]);
    assert_eq!(output.status.code(), Some(75));
    let hint = "the callback `approval` is open, and this run keeps nothing: with `--state FILE` it can be answered\n";
    assert!(text(&output.stderr).ends_with(hint), "{}", text(&output.stderr));
}

#[test]
fn functions_are_invoked_and_their_results_kept() {
    let function = handler(
        r#"first=$(durable invoke pay:1 '{"amount":5}')
           second=$(durable invoke broken '{}' 2>/dev/null) || second="status $?"
           third=$(durable invoke nobody '{}' 2>/dev/null) || third="status $?"
           fourth=$(durable invoke colon '{}' 2>/dev/null) || fourth="status $?"
           durable wait 1s
           echo "$first, $second, $third, $fourth""#,
    );
    let function = function
        .file(
            "pay/function.sh",
            "handler() { echo ran >>ran; durable wait 1h; durable step take -- echo \"took $1\"; }",
        )
        .file("broken/function.sh", "handler() { echo gone >&2; exit 4; }");
    let functions = ["pay=pay:function.handler", "broken=broken:function.handler", "colon=pay:Some::handler"];
    let functions: Vec<_> = functions.iter().flat_map(|function| ["--function", function]).collect();
    let output = run(&function, &[&["--skip-time"], &functions[..]].concat());
    assert_eq!(answer(&output), "took {\"amount\":5}, status 1, status 1, status 1\n");
    let table = table(&output);
    assert_eq!(table[..3], ["pay:1 invoke took {\"amount\":5}", "wait wait", "take step 1 took {\"amount\":5}"]);
    assert!(table[3].starts_with("broken invoke Function.ExitStatus: the handler ended with status 4"), "{table:?}");
    assert!(table[4].starts_with("nobody invoke ResourceNotFoundException: Function not found: nobody"), "{table:?}");
    assert!(table[5].starts_with("colon invoke Runtime.HandlerNotFound: handler `Some::handler`"), "{table:?}");
    assert_eq!(fs::read_to_string(function.path("pay/ran")).unwrap(), "ran\nran\n");
}

#[test]
fn a_callback_of_an_invoked_function_is_answered_in_the_same_file() {
    let function =
        handler("durable invoke ask '{}'").file("ask/function.sh", "handler() { durable callback approval -- true; }");
    let options = ["--state", "s.json", "--function", "ask=ask:function.handler"];
    assert_eq!(run(&function, &options).status.code(), Some(75));
    let forgotten = run(&function, &options[..2]);
    assert_eq!(forgotten.status.code(), Some(1));
    let message = "has an open invocation of `ask`: give `--function ask=DIR:HANDLER` again";
    assert!(text(&forgotten.stderr).contains(message), "{}", text(&forgotten.stderr));
    assert!(answer_command(&function, &["s.json", "approval", "yes"]).status.success());
    assert_eq!(answer(&run(&function, &options)), "yes\n");
}

#[test]
fn a_replay_after_each_operation_finds_what_comes_out_differently() {
    let function = handler(
        r#"durable step first -- true
           durable step roll -- echo "$RANDOM$RANDOM"
           durable step last -- echo end"#,
    );
    assert_eq!(answer(&run(&function, &[])).lines().last(), Some("end"));
    let output = run(&function, &["--replay-each"]);
    assert_eq!(output.status.code(), Some(1));
    let log = text(&output.stderr);
    assert!(log.contains("Durable.NonDeterministic") && log.contains("roll"), "{log}");
    let good = handler("echo run >>runs; for n in 1 2 3; do durable step $n -- echo $n; done");
    assert_eq!(answer(&run(&good, &["--replay-each"])), "1\n2\n3\n");
    assert_eq!(fs::read_to_string(good.path("runs")).unwrap(), "run\n".repeat(4));
}

#[test]
fn an_invocation_that_crashes_is_tried_again() {
    let function = handler(
        r"durable step once -- bash -c 'echo ran >>ran; echo 1'
           [[ -e crashed ]] || { touch crashed; kill -KILL $$; }",
    );
    let output = run(&function, &["--skip-time"]);
    assert_eq!(answer(&output), "1\n");
    assert!(text(&output.stderr).contains("the invocation is tried again: "), "{}", text(&output.stderr));
    assert_eq!(fs::read_to_string(function.path("ran")).unwrap(), "ran\n");
}

#[test]
fn a_durable_handler_without_the_option_is_told_of_it() {
    let function = handler("durable wait 3d");
    let output = function.once("{}", b"");
    assert_eq!(output.status.code(), Some(1));
    let log = text(&output.stderr);
    assert!(log.contains("`bootstrap --durable HANDLER EVENT` runs one"), "{log}");
}

#[test]
fn a_callback_that_is_never_answered_times_out() {
    let function = handler("durable callback approval --timeout 1s -- true || echo \"status $?\"");
    let begun = Instant::now();
    let output = loop {
        let output = run(&function, &["--state", "s.json"]);
        if output.status.code() != Some(75) {
            break output;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "{}", text(&output.stderr));
    };
    assert_eq!(answer(&output), "status 1\n");
    assert_eq!(table(&output)[1], "approval callback Callback.Timeout: Callback timed out");
}

#[test]
fn a_run_that_is_interrupted_while_it_waits_goes_on_later() {
    let function = handler("durable step once -- bash -c 'echo ran >>ran'; durable wait 1h; echo done");
    let mut waiting = start(&function, &["--state", "s.json"]);
    until("the wait", || {
        fs::read_to_string(function.path("s.json")).is_ok_and(|text| text.contains("ScheduledEndTimestamp"))
    });
    kill_process(Pid::from_child(&waiting), Signal::INT).unwrap();
    assert_eq!(waiting.wait().unwrap().code(), Some(130));
    assert_eq!(answer(&run(&function, &["--state", "s.json", "--skip-time"])), "done\n");
    assert_eq!(fs::read_to_string(function.path("ran")).unwrap(), "ran\n");
}

#[test]
fn a_handler_that_cannot_be_loaded_leaves_no_state() {
    let function = handler("echo done").handler("function.nothing");
    assert_eq!(run(&function, &["--state", "s.json"]).status.code(), Some(1));
    assert!(!function.path("s.json").exists());
    let function = function.handler("function.handler");
    assert_eq!(answer(&run(&function, &["--state", "s.json"])), "done\n");
    let again = run(&function, &["--state", "s.json"]);
    let hint = "`s.json` has an execution that has ended: remove it to run another one";
    assert!(text(&again.stderr).contains(hint), "{}", text(&again.stderr));
}

#[test]
fn a_state_that_cannot_be_kept_ends_the_run() {
    let function = handler("durable step first -- rm -r kept; durable step second -- touch ran");
    fs::create_dir(function.path("kept")).unwrap();
    let output = run(&function, &["--state", "kept/s.json"]);
    assert_eq!(output.status.code(), Some(1));
    let log = text(&output.stderr);
    assert!(log.contains("bootstrap: the state cannot be written to `") && log.contains("kept/s.json"), "{log}");
    assert!(!function.path("ran").exists());
}

#[test]
fn a_result_that_is_too_large_fails_its_step() {
    let big = run(&handler("durable step big -- bash -c 'head -c 1048577 /dev/zero | tr \"\\0\" x'"), &[]);
    assert_eq!(big.status.code(), Some(1));
    assert!(
        table(&big)[0].starts_with("big step 1 Durable.ResultTooLarge: STEP output payload size must"),
        "{:?}",
        table(&big)
    );
}
