//! A suspension unwinds the handler, past all that could stop it.

use std::time::Duration;

use super::{Deeds, Execution, Service, function, run, run_with, succeeded};

/// Where a wait may stand. `WAIT` is the wait; nothing may note `wrong`.
const PLACES: [(&str, &str); 24] = [
    ("plain", "WAIT"),
    ("handler-case error", "(handler-case WAIT (error () (did \"wrong\")))"),
    ("handler-case condition", "(handler-case WAIT (condition () (did \"wrong\")))"),
    ("handler-case t", "(handler-case WAIT (t () (did \"wrong\")))"),
    ("handler-case no-error", "(handler-case WAIT (:no-error (value) value))"),
    ("ignore-errors", "(ignore-errors WAIT)"),
    ("handler-bind", "(handler-bind ((t (lambda (c) (did \"wrong ~A\" c)))) WAIT)"),
    ("restart-case", "(restart-case WAIT (abort () (did \"wrong\")) (continue () (did \"wrong\")))"),
    ("catch", "(catch 'tag (catch t (catch nil WAIT)))"),
    ("catch failed", "(catch 'lambda-script-runtime::failed (catch 'exited WAIT))"),
    ("block", "(block nil (block here WAIT))"),
    ("tagbody", "(tagbody start WAIT (go end) (did \"wrong\") end)"),
    ("loop", "(loop repeat 1 do WAIT)"),
    (
        "nested cleanup",
        "(unwind-protect (unwind-protect WAIT (did \"inner ~A\" (suspending-p))) (did \"outer ~A\" (suspending-p)))",
    ),
    (
        "cleanup with operations",
        "(unwind-protect WAIT (when (suspending-p) (handler-case (durable-step \"undo\" (did \"wrong\")) (durable-refused () (did \"refused\")))))",
    ),
    (
        "cleanup that fails",
        "(ignore-errors (unwind-protect WAIT (when (suspending-p) (ignore-errors (error \"in clean-up\")))))",
    ),
    ("progv", "(progv '(*print-base*) '(7) WAIT)"),
    ("mutex", "(sb-thread:with-mutex (*mutex*) WAIT)"),
    ("timeout", "(sb-ext:with-timeout 100 WAIT)"),
    ("funcall", "(mapcar (lambda (n) n WAIT) '(1))"),
    ("eval", "(eval 'WAIT)"),
    ("reduce", "(reduce (lambda (a b) WAIT (+ a b)) '(1 2))"),
    ("context", "(durable-context \"c\" (durable-context \"d\" (handler-case WAIT (t () (did \"wrong\")))))"),
    ("print-object", "(with-output-to-string (*standard-output*) WAIT)"),
];

#[test]
fn a_wait_ends_the_invocation_wherever_it_stands() {
    needs!(sbcl);
    for (place, form) in PLACES {
        let deeds = Deeds::new();
        let form = form.replace("WAIT", "(durable-wait 60)");
        let forms = format!(
            "(progn (did \"begin ~A ~A\" *events* (suspending-p)) {form} (did \"after ~A\" (suspending-p)) \"ok\")"
        );
        let (execution, end) = run_with("(defvar *mutex* (sb-thread:make-mutex))", &forms, &deeds);
        let log = execution.log();
        assert_eq!(end, succeeded("ok"), "{place}: {log}");
        assert_eq!(execution.invocations, ["PENDING", "SUCCEEDED"], "{place}");
        let all = deeds.all();
        let main: Vec<_> = all.iter().filter(|deed| deed.starts_with("begin") || deed.starts_with("after")).collect();
        // the worker stays: it counts the events
        assert_eq!(main, ["begin 1 NIL", "begin 2 NIL", "after NIL"], "{place}: {all:?}");
        assert!(!all.iter().any(|deed| deed.starts_with("wrong")), "{place}: {all:?}");
        let more: Vec<_> = all.iter().filter(|deed| !main.contains(deed)).map(String::as_str).collect();
        match place {
            "nested cleanup" => assert_eq!(more, ["inner T", "outer T", "inner NIL", "outer NIL"]),
            "cleanup with operations" => assert_eq!(more, ["refused"]),
            _ => assert!(more.is_empty(), "{place}: {more:?}"),
        }
        for word in ["ERROR", "rror:", "WARN", "backtrace", "ended:"] {
            assert!(!log.contains(word), "{place}: {log}");
        }
    }
}

#[test]
fn everything_that_is_open_suspends() {
    needs!(sbcl);
    for operation in [
        "(durable-callback \"c\" (id) id)",
        "(durable-callback-result (progn (durable-callback-id \"c\") \"c\"))",
        "(durable-invoke \"f:1\" \"\")",
        "(durable-until \"u\" :every 60 (state) nil)",
        "(durable-step \"s\" :retry 1 (error \"again\"))",
    ] {
        let deeds = Deeds::new();
        let forms = format!(
            "(unwind-protect (handler-case {operation} (t () (did \"wrong\"))) (did \"cleaned ~A\" (suspending-p)))"
        );
        let mut execution = Execution::of(Service::start(), || function(&forms, &deeds));
        let answer = execution.invoke("input").unwrap();
        assert_eq!(answer["Status"], "PENDING", "{operation}: {}", execution.log());
        assert_eq!(deeds.all(), ["cleaned T"], "{operation}");
        execution.recovers();
    }
}

/// A thread that does one task after the other, for all events.
const POOL: &str = r"
(defvar *task* nil)
(defvar *asked* (sb-thread:make-semaphore))
(defvar *done* (sb-thread:make-semaphore))
(sb-thread:make-thread (lambda ()
                         (loop (sb-thread:wait-on-semaphore *asked*)
                               (setf *task* (funcall *task*))
                               (sb-thread:signal-semaphore *done*))))
";

#[test]
fn threads_are_suspended_with_the_handler() {
    needs!(sbcl);
    for (case, forms, expected) in [
        (
            "the handler joins a thread that waits",
            r#"(let ((thread (sb-thread:make-thread (lambda () (unwind-protect (handler-case (durable-wait 60) (t () (did "wrong"))) (did "cleaned"))))))
                 (handler-case (sb-thread:join-thread thread) (t () (did "wrong")))
                 (did "joined"))"#,
            &["cleaned", "cleaned", "joined"][..],
        ),
        (
            "the handler works beside a thread that waits",
            r#"(let ((thread (sb-thread:make-thread (lambda () (durable-wait 60) :woken))))
                 (unless (durable-replaying-p) (ignore-errors (sleep 30)))
                 (did "~A" (sb-thread:join-thread thread)))"#,
            &["WOKEN"],
        ),
        (
            "branches are contexts: one works while the other waits",
            r#"(flet ((branch (name seconds)
                       (sb-thread:make-thread
                        (lambda ()
                          (durable-context name
                            (list (durable-step "s" (sleep seconds) (did "~A" name) name) (durable-wait 60)
                                  (durable-step "s" (did "~A again" name) 2)))))))
                 (did "~A" (mapcar #'sb-thread:join-thread (list (branch "slow" 0.5) (branch "fast" 0)))))"#,
            &["fast", "slow", "* again", "* again", "((slow NIL 2) (fast NIL 2))"],
        ),
        (
            "a thread of a context belongs to it",
            r#"(did "~A" (list (durable-step "s" 1)
                              (durable-context "c" (sb-thread:join-thread (sb-thread:make-thread (lambda () (durable-step "s" 2)))))
                              (durable-step "s" 3)))"#,
            &["(1 2 3)"],
        ),
        (
            "a thread that was made at init serves the event that runs",
            r#"(progn
                 (setf *task* (lambda () (durable-step "pool" (did "pool") 7)))
                 (sb-thread:signal-semaphore *asked*)
                 (sb-thread:wait-on-semaphore *done*)
                 (durable-wait 60)
                 (did "~A" *task*))"#,
            &["pool", "7"],
        ),
        (
            "a timer has operations of its own",
            r#"(let* ((done nil) (timer (sb-ext:make-timer (lambda () (setf done (durable-step "timer" (did "timer") 5))) :thread t)))
                 (sb-ext:schedule-timer timer 0.01)
                 (loop until done do (sleep 0.01))
                 (did "~A" done))"#,
            &["timer", "5"],
        ),
    ] {
        let deeds = Deeds::new();
        let forms = format!("(progn {forms} \"ok\")");
        let (execution, end) = run_with(POOL, &forms, &deeds);
        let log = execution.log();
        assert_eq!(end, succeeded("ok"), "{case}: {:?} {log}", deeds.all());
        let all: Vec<_> = deeds
            .all()
            .iter()
            .map(|deed| match deed.strip_suffix(" again") {
                Some(_) => "* again".to_owned(),
                None => deed.clone(),
            })
            .collect();
        assert_eq!(all, expected, "{case}");
        assert!(!log.contains("rror"), "{case}: {log}");
    }
}

#[test]
fn a_thread_that_was_left_behind_has_no_further_operations() {
    needs!(sbcl);
    let deeds = Deeds::new();
    let forms = r#"
        (progn
          (when (= *events* 1)
            (sb-thread:make-thread (lambda ()
                                     (loop until (suspending-p) do (sleep 0.01))
                                     (sleep 0.1)
                                     (unwind-protect (handler-case (durable-step "late" (did "wrong")) (t () (did "wrong")))
                                       (did "ended")))))
          (durable-wait 60)
          (loop repeat 1000 until (probe-file (sb-ext:posix-getenv "DEEDS")) do (sleep 0.01))
          "ok")"#;
    let (execution, end) = run(forms, &deeds);
    assert_eq!(end, succeeded("ok"), "{}", execution.log());
    assert_eq!(deeds.all(), ["ended"]);
}

#[test]
fn two_executions_run_on_one_worker() {
    needs!(sbcl);
    let deeds = Deeds::new();
    let forms = r#"(progn (did "~A" *events*) (durable-step "s" (did "step") 1) (durable-wait 60) "ok")"#;
    let (mut execution, end) = run(forms, &deeds);
    assert_eq!(end, succeeded("ok"));
    execution.service.forget();
    assert_eq!(execution.run("input"), succeeded("ok"), "{}", execution.log());
    execution.recovers();
    assert_eq!(deeds.all(), ["1", "step", "2", "3", "step", "4"]);
}

#[test]
fn the_end_of_the_time_ends_a_step() {
    needs!(sbcl);
    for (forms, result, ends) in [
        (
            "(progn (durable-step \"s\" :retry 1 (when (= (durable-attempt) 1) (sleep 60))) \"ok\")",
            "ok",
            ["PENDING", "SUCCEEDED"],
        ),
        (
            "(handler-case (durable-step \"s\" (sleep 60)) (durable-failed (failed) (durable-failed-type failed)))",
            "Durable.StepTimedOut",
            ["Runtime.CheckpointFailed", "SUCCEEDED"],
        ),
        (
            "(durable-until \"u\" :every 60 (state) (when (= (durable-attempt) 1) (sleep 60)) (format nil \"~A\" state))",
            "NIL",
            ["PENDING", "SUCCEEDED"],
        ),
    ] {
        let deeds = Deeds::new();
        let mut execution = Execution::of(Service::start(), || function(forms, &deeds)).within(Duration::from_secs(3));
        let end = execution.run("input");
        assert_eq!(end, succeeded(result), "{forms}: {}", execution.log());
        assert_eq!(execution.invocations, ends, "{forms}");
        assert!(ends[0] != "PENDING" || execution.log().is_empty(), "{forms}: {}", execution.log());
        execution.recovers();
    }
}
