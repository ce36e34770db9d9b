//! Errors of operations, and the ends that executions come to by them.

use super::{
    execution::{Deeds, End, Execution},
    service::Service,
};
use crate::support::Function;

/// Runs a handler that has this body to the end of its execution. `first` succeeds in the first invocation alone.
fn run(body: &str) -> (End, Deeds, Service) {
    let (deeds, service) = (Deeds::new(), Service::start());
    let script = format!(
        "did() {{ echo \"$1\" >>\"$DEEDS\"; }}\nexport -f did\nfirst() {{ [[ ! -e $DEEDS.first ]] && : >\"$DEEDS.first\"; }}\n\
         handler() {{\n[[ $1 != fine ]] || {{ echo fine; return; }}\n{body}\n}}"
    );
    let end = {
        let function = || Function::bash(&script).env("DEEDS", &deeds.path());
        let mut execution = Execution::of(service.clone(), function);
        let end = execution.run("input");
        execution.recovers();
        end
    };
    (end, deeds, service)
}

fn failed(error_type: &str, message: &str) -> End {
    End::Failed(error_type.to_owned(), message.to_owned())
}

#[test]
fn an_error_of_the_script_ends_the_execution_at_once() {
    let in_use = "two operations named `n` run at the same time: give each a name of its own, or put each into a context \
                  (`durable context`)";
    let kind = "`n` (number 1) was a Step in an earlier invocation, and is a Wait now: the script has changed, or takes \
                another way in each replay";
    let arguments = "the Step `n` (number 1) had other arguments in an earlier invocation: take a time, a random number or \
                     the name of a temporary file from a step, or allow other arguments with `--any-args`";
    for (body, error_type, message) in [
        ("durable step n sleep 1 & durable step n sleep 1 & wait", "Durable.NameInUse", in_use),
        (
            "f() { sleep 1; }; set +e; durable step n f & sleep 0.3; durable step n f || true",
            "Durable.NameInUse",
            in_use,
        ),
        (
            "if first; then durable step n true; durable wait 1h; else set +e; durable wait --name n 1h || true; fi",
            "Durable.NonDeterministic",
            kind,
        ),
        ("durable step n echo $RANDOM$RANDOM || true; durable wait 1h", "Durable.NonDeterministic", arguments),
        ("date +%N | durable step n --stdin cat || true; durable wait 1h", "Durable.NonDeterministic", arguments),
        ("f() { :; }; durable step n f $RANDOM$RANDOM || true; durable wait 1h", "Durable.NonDeterministic", arguments),
        ("durable fail My.Type 'my message' || true", "My.Type", "my message"),
        ("x=$(durable fail My.Type 'my message' || true)", "My.Type", "my message"),
    ] {
        let (end, deeds, _) = run(&format!("{body}\ndid after"));
        assert_eq!(end, failed(error_type, message), "{body}");
        assert_eq!(deeds.count("after"), 0, "{body}");
    }
}

#[test]
fn any_arguments_are_taken_where_that_is_said() {
    for body in [
        "durable step n --any-args echo $RANDOM$RANDOM >/dev/null; durable wait 1h; echo end",
        "f() { :; }; durable step n --any-args f $RANDOM$RANDOM; durable wait 1h; echo end",
        // times are no arguments
        "if first; then t=5s; else t=9s; fi; durable wait $t; durable step n --backoff $t true; durable wait 1h; echo end",
    ] {
        assert_eq!(run(body).0, End::Succeeded("end".to_owned()), "{body}");
    }
}

#[test]
fn a_failed_step_is_tried_again_as_it_was_asked_for() {
    let other = "`bash` ended with status 4";
    for (options, status, attempts) in
        [("", 4, 1), ("--retry 2", 4, 3), ("--retry 2 --retry-on 4", 4, 3), ("--retry 2 --retry-on 3", 4, 1)]
    {
        let body = format!("durable step n {options} -- bash -c 'did try; exit {status}'");
        let (end, deeds, service) = run(&body);
        assert_eq!(end, failed("Function.ExitStatus", other), "{options}");
        assert_eq!(deeds.count("try"), attempts, "{options}");
        assert_eq!(service.operations(), [("n".to_owned(), "FAILED".to_owned())]);
    }
    // the status and the message are those of the first run in replays, too
    let twice = "durable step n bash -c 'echo said >&2; exit 7' 2>/dev/null || s=$?\ndurable wait 1h\necho \"$s\"";
    assert_eq!(run(twice).0, End::Succeeded("7".to_owned()));
    let message = "x=$(durable step n bash -c 'exit 7' 2>&1) || true\ndurable wait 1h\necho \"$x\"";
    assert_eq!(run(message).0, End::Succeeded("durable: `bash` ended with status 7".to_owned()));
}

#[test]
fn results_are_text_of_any_kind_and_of_a_limited_size() {
    for (code, expected) in [
        ("printf 'a\\0b'", Ok("a-b".to_owned())),
        ("printf '\\n\\n a\\tb \\n\\n'", Ok("\n\n a\tb ".to_owned())),
        ("printf '\\303\\274\\360\\237\\231\\202'", Ok("ü🙂".to_owned())),
        ("head -c 1000000 /dev/zero | tr '\\0' x", Ok("x".repeat(1_000_000))),
        ("printf '\\377'", Err("Durable.InvalidResult")),
        ("head -c 7000000 /dev/zero | tr '\\0' x", Err("Durable.ResultTooLarge")),
    ] {
        for command in ["f", "bash -c f"] {
            let body = format!(
                "f() {{ {code}; }}; export -f f\ng() {{ durable step n {command} | tr '\\0' -; }}\ng >/dev/null\n\
                 durable wait 1h\ndurable context c g"
            );
            match (&expected, run(&body).0) {
                (Ok(expected), End::Succeeded(result)) => {
                    assert!(result == *expected, "{body}: {result:.100}");
                }
                (Err(expected), End::Failed(error_type, _)) => assert_eq!(error_type, *expected, "{body}"),
                (_, end) => panic!("{body}: {end:?}"),
            }
        }
    }
}

#[test]
fn an_answer_that_is_too_large_for_one_post_is_kept_by_a_last_checkpoint() {
    const FULL: usize = 6 * 1024 * 1024 - 50;
    // a quote takes two bytes in JSON
    for (character, count, is_kept) in
        [('x', FULL, false), ('x', FULL + 1, true), ('"', FULL / 2, false), ('"', FULL / 2 + 1, true)]
    {
        let (end, _, service) = run(&format!("head -c {count} /dev/zero | tr '\\0' '{character}'"));
        let End::Succeeded(answer) = end else { panic!("{character} {count}") };
        let checkpoints = service.checkpoints();
        let result = character.to_string().repeat(count);
        if is_kept {
            let update = &checkpoints[0]["Updates"][0];
            assert_eq!((&update["Type"], &update["Action"]), (&"EXECUTION".into(), &"SUCCEED".into()));
            assert!(answer.is_empty() && update["Payload"] == result, "{character} {count}");
        } else {
            assert!(answer == result && checkpoints.is_empty(), "{character} {count}");
        }
    }
}

#[test]
fn a_result_that_is_too_large_is_not_tried_again() {
    let (end, deeds, _) = run("durable step n --retry 3 bash -c 'did try; head -c 7000000 /dev/zero | tr \"\\0\" x'");
    assert!(matches!(end, End::Failed(error_type, _) if error_type == "Durable.ResultTooLarge"));
    assert_eq!(deeds.count("try"), 1);
}

#[test]
fn a_step_in_a_step_is_refused() {
    let said = "durable: this is a part of the step `n`, which is recorded as one: call `durable` outside of it, or make it a \
                `durable context`";
    for body in [
        "durable step n durable step m true",
        "durable step n bash -c 'x=$(durable step m true)'",
        "f() { durable step m true; }; durable step n f",
        "durable until n --every 1s --retry-on 1 -- durable wait 1h",
        "f() { durable wait 1h; }; durable step n f",
    ] {
        let (end, _, service) = run(body);
        let End::Failed(_, message) = end else { panic!("{body}: {end:?}") };
        assert!(message.ends_with(said), "{body}: {message}");
        assert_eq!(service.operations(), [("n".to_owned(), "FAILED".to_owned())], "{body}");
    }
}

#[test]
fn until_has_an_end_in_time() {
    let (end, deeds, _) = run("durable until n --every 1m --timeout 1s bash -c 'did try; exit 1'");
    let End::Failed(error_type, message) = end else { panic!("{end:?}") };
    assert_eq!(error_type, "Durable.TimedOut", "{message}");
    assert_eq!(deeds.count("try"), 2);
    for (check, status) in [("exit 127", 127), ("kill -9 $$", 137)] {
        let body = format!("durable until n --every 1m bash -c '{check}' || echo \"status $?\"");
        assert_eq!(run(&body).0, End::Succeeded(format!("status {status}")), "{check}");
    }
}

#[test]
fn a_callback_waits_for_its_answer() {
    let failed = ("My.Type", "not approved");
    for (answer, body, expected) in [
        (Ok("yes"), "x=$(durable callback n -- did); echo \"$x\"", "yes"),
        (Ok("{\"a\":1}"), "durable callback n --timeout 1h --heartbeat 5m -- bash -c 'did \"$0\"'", "{\"a\":1}"),
        (Ok("yes"), "id=$(durable callback-id n); did \"$id\"; durable callback-result n", "yes"),
        (Err(failed), "x=$(durable callback n -- did 2>&1) || echo \"failed $? $x\"", "failed 1 durable: not approved"),
        (Err(failed), "durable callback n -- did || true; durable wait 1h; echo end", "end"),
        (Ok("yes"), "durable callback n -- false || echo \"failed $?\"", "failed 1"),
        (Ok("yes"), "f() { [[ $1 == \"$DURABLE_CALLBACK_ID\" ]] && did \"$1\"; }; durable callback n -- f", "yes"),
    ] {
        let (deeds, service) = (Deeds::new(), Service::start());
        let script = format!(
            "did() {{ echo \"${{1%-*}}\" >>\"$DEEDS\"; }}\nexport -f did\nhandler() {{\n[[ $1 != fine ]] || {{ echo fine; return; }}\n\
             {body}\n}}"
        );
        let function = || Function::bash(&script).env("DEEDS", &deeds.path());
        let mut execution = Execution::of(service.clone(), function);
        let mut ended = execution.invoke("input").unwrap();
        while ended["Status"] == "PENDING" {
            service.answer_callbacks(answer);
            service.let_time_pass();
            ended = execution.invoke("input").unwrap();
        }
        assert_eq!(
            (&ended["Status"], &ended["Result"]),
            (&"SUCCEEDED".into(), &expected.into()),
            "{body}: {ended}, {}",
            execution.log()
        );
        execution.recovers();
    }
}

#[test]
fn another_function_is_invoked_once() {
    for body in [
        "durable invoke g:1 '{\"a\":1}'",
        "x=$(durable invoke g:1 '{\"a\":1}'); durable wait 1h; echo \"$x\"",
        "printf '{\"a\":1}' | durable invoke g:1 - --name n",
    ] {
        assert_eq!(run(body).0, End::Succeeded("{\"a\":1}".to_owned()), "{body}");
    }
    let (end, ..) = run("if first; then v=1; else v=2; fi; durable invoke g:1 $v; durable wait 1h");
    assert!(matches!(end, End::Failed(error_type, _) if error_type == "Durable.NonDeterministic"));
}

#[test]
fn a_script_can_ask_whether_it_is_replaying() {
    let ask = "durable replaying && did replaying || did new";
    let (end, deeds, _) =
        run(&format!("{ask}; durable step a true; {ask}; durable wait 1h; {ask}; durable step b true; {ask}"));
    assert_eq!(end, End::Succeeded(String::new()));
    assert_eq!(deeds.all(), ["new", "new", "replaying", "replaying", "new", "new"]);
}

#[test]
fn a_wait_has_a_time_or_a_duration() {
    for (body, operations) in [
        ("durable wait --until 2020-01-01T00:00:00Z", 0),
        ("durable wait 0", 0),
        ("durable wait --until @4102444800 || true", 0),
        ("durable wait --until \"$(date -d '+1 hour' --iso-8601=seconds)\"", 1),
        ("durable wait --until \"@$(date -d '+1 hour' +%s)\"", 1),
    ] {
        let (end, _, service) = run(&format!("{body}; echo end"));
        assert_eq!(end, End::Succeeded("end".to_owned()), "{body}");
        assert_eq!(service.operations().len(), operations, "{body}");
    }
}
