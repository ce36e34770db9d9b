//! The end of an invocation's time: what still runs has failed or is tried again, what waits is suspended.

use std::{
    fs, thread,
    time::{Duration, Instant},
};

use super::{
    execution::{Deeds, End, Execution},
    service::{Fault, Service},
};
use crate::support::{Function, until};

/// The time of an invocation.
const TIME: Duration = Duration::from_secs(4);

/// Runs a handler of this body to its end: that, the ends of its invocations, its deeds and its log.
fn run(body: &str) -> (End, Vec<String>, Vec<String>, String) {
    let (service, deeds) = (Service::start(), Deeds::new());
    let script = format!(
        "did() {{ echo \"$1\" >>\"$DEEDS\"; }}\nexport -f did\nfirst() {{ [[ ! -e $DEEDS.first ]] && : >\"$DEEDS.first\"; }}\n\
         handler() {{\n[[ $1 != fine ]] || {{ echo fine; return; }}\n{body}\n}}"
    );
    let function = || Function::bash(&script).env("DEEDS", &deeds.path());
    let mut execution = Execution::of(service, function).within(TIME);
    let end = execution.run("input");
    execution.recovers();
    let log = execution.log();
    (end, execution.invocations, deeds.all(), log)
}

#[test]
fn a_step_that_still_runs_fails_or_is_tried_again() {
    for (body, result, first) in [
        ("durable step s bash -c 'did step; sleep 60' || echo \"failed $?\"", "failed 1", "Runtime.CheckpointFailed"),
        ("f() { did step; sleep 60; }; durable step s f || echo \"failed $?\"", "failed 1", "Runtime.CheckpointFailed"),
        (
            "durable step s --at-most-once bash -c 'did step; sleep 60' || echo \"failed $?\"",
            "failed 1",
            "Runtime.CheckpointFailed",
        ),
        (
            "durable step s --retry 1 bash -c 'did step; ((DURABLE_ATTEMPT == 2)) || sleep 60'; echo end",
            "end",
            "PENDING",
        ),
        // the failure is not kept back until the other one has come
        (
            "durable callback c -- true >/dev/null & durable step s bash -c 'did step; sleep 60' || { echo \"failed $?\"; exit; }; wait",
            "failed 1",
            "Runtime.CheckpointFailed",
        ),
    ] {
        let (end, invocations, deeds, log) = run(body);
        assert_eq!(end, End::Succeeded(result.to_owned()), "{body}: {log}");
        assert_eq!(invocations, [first, "SUCCEEDED"], "{body}");
        let runs = if first == "PENDING" { 2 } else { 1 };
        assert_eq!(deeds, vec!["step"; runs], "{body}: {log}");
    }
}

#[test]
fn a_step_that_began_late_has_a_second_time() {
    let many = "for n in 1 2 3 4 5 6; do durable step \"$n\" bash -c 'sleep 1; echo \"$0\"' \"$n\"; done";
    let (end, invocations, _, log) = run(many);
    assert_eq!(end, End::Succeeded("1\n2\n3\n4\n5\n6".to_owned()), "{log}");
    assert!(invocations.len() > 1 && log.is_empty(), "{log}");
    assert!(invocations.iter().rev().skip(1).all(|end| end == "PENDING"), "{invocations:?}");
    let late = "sleep 2.2; durable step s bash -c 'did step; sleep 60' || echo \"failed $?\"";
    let (end, invocations, deeds, log) = run(late);
    assert_eq!(end, End::Succeeded("failed 1".to_owned()), "{log}");
    assert_eq!(invocations, ["PENDING", "Runtime.CheckpointFailed", "SUCCEEDED"], "{log}");
    assert_eq!(deeds, ["step", "step"]);
    let once = "sleep 2.2; durable step s --at-most-once bash -c 'did step; sleep 60' || echo \"failed $?\"";
    assert_eq!(run(once).2, ["step"]);
}

#[test]
fn what_is_asked_again_and_again_is_asked_again() {
    let body = "durable until u --every 1m -- bash -c 'did look; case $DURABLE_ATTEMPT in
                    1 | 3) sleep 60 ;;
                    2) echo state; exit 1 ;;
                    4) echo \"has its $DURABLE_STATE\" ;;
                esac'";
    let (end, invocations, deeds, log) = run(body);
    assert_eq!(end, End::Succeeded("has its state".to_owned()), "{log}");
    assert_eq!((invocations.len(), deeds.len(), log.as_str()), (4, 4, ""));
}

#[test]
fn work_beside_a_wait_is_not_waited_for_any_longer() {
    for body in [
        "sleep 60 & durable wait 1h",
        "durable wait 1h & sleep 60; wait",
        "durable wait 1h | sleep 60",
        "( (sleep 0.2; exec durable wait 1h) & ); sleep 60",
        "durable wait 1h & kill -STOP $BASHPID",
    ] {
        let body = format!("if first; then {body}; did wrong; fi; durable wait 1h; did after; echo end");
        let (end, invocations, deeds, log) = run(&body);
        assert_eq!(end, End::Succeeded("end".to_owned()), "{body}: {log}");
        assert_eq!(invocations, ["PENDING", "SUCCEEDED"], "{body}");
        assert_eq!((&deeds[..], log.as_str()), (&["after".to_owned()][..], ""), "{body}");
    }
}

#[test]
fn a_call_that_hangs_holds_up_no_answer() {
    let service = Service::start();
    service.fail_with([Fault::Delay(Duration::from_secs(10))]);
    let script = "handler() { [[ $1 != fine ]] || { echo fine; return; }; durable step s --at-most-once echo end; }";
    let mut execution = Execution::of(service, || Function::bash(script)).within(TIME);
    let began = Instant::now();
    assert_eq!(execution.invoke("input").unwrap()["errorType"], "Runtime.DeadlineExceeded");
    assert!(began.elapsed() < 2 * TIME, "{:?}", began.elapsed());
    execution.recovers();
}

#[test]
fn a_step_that_ends_during_the_last_checkpoint_has_its_retry_all_the_same() {
    let (service, deeds) = (Service::start(), Deeds::new());
    service.fail_with([Fault::None, Fault::Delay(Duration::from_millis(150))]);
    let script = "handler() {
        set +e
        durable step s --retry 1 -- bash -c 'echo step >>$DEEDS; until [ -e $DEEDS.end ]; do sleep 0.01; done'
        echo \"after $?\" >>$DEEDS
    }";
    let mut execution =
        Execution::of(service.clone(), || Function::bash(script).env("DEEDS", &deeds.path())).within(TIME);
    let end = thread::scope(|scope| {
        scope.spawn(|| {
            until("the last checkpoint", || service.checkpoints().len() == 2);
            fs::write(format!("{}.end", deeds.path()), "").unwrap();
        });
        execution.run("input")
    });
    assert_eq!(end, End::Succeeded(String::new()), "{}", execution.log());
    assert_eq!(execution.invocations, ["PENDING", "SUCCEEDED"]);
    assert_eq!((&deeds.all()[..], execution.log().as_str()), (&["step", "step", "after 0"].map(str::to_owned)[..], ""));
}
