//! The operations, in their first run and in replays.

use super::{Deeds, Execution, Service, function, run, succeeded};

#[test]
fn what_was_done_is_not_done_again() {
    needs!(sbcl);
    let deeds = Deeds::new();
    let forms = r#"
        (progn
          (did "replaying ~A" (durable-replaying-p))
          (let* ((name "b")
                 (a (durable-step "a" (did "a") 1))
                 (b (durable-step name :retry 2 :backoff 1/2 :rate 1.5 :max-delay 10 :at-most-once t (did "b") (+ a 1)))
                 (again (durable-step ("a" :retry 1) (did "a again") (+ b 1))))
            (durable-wait 60)
            (durable-wait 0.5 :name 'pause)
            (durable-wait nil :until (+ (get-universal-time) 3600) :name "until")
            (did "replaying ~A" (durable-replaying-p))
            (format nil "~A ~A ~A" a b (durable-step :c (did "c") (+ again 1)))))"#;
    let (execution, end) = run(forms, &deeds);
    assert_eq!(end, succeeded("1 2 4"), "{}", execution.log());
    let expected =
        ["replaying NIL", "a", "b", "a again", "replaying T", "replaying T", "replaying T", "replaying NIL", "c"];
    assert_eq!(deeds.all(), expected);
    let names: Vec<_> = execution.service.operations().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["a", "b", "a", "wait", "PAUSE", "until", "C"]);
}

#[test]
fn a_step_is_tried_again() {
    needs!(sbcl);
    let deeds = Deeds::new();
    let forms = r#"
        (list (durable-step "s" :retry 2 :backoff 60
                (did "attempt ~A" (durable-attempt))
                (if (< (durable-attempt) 3) (error "not yet") (durable-attempt)))
              (handler-case (durable-step "t" :retry 1 (did "t") (error "never"))
                (durable-failed (failed) (did "failed ~A" failed)))
              (did "outside ~A" (durable-attempt)))"#;
    let forms = format!("(format nil \"~S\" {forms})");
    let (execution, end) = run(&forms, &deeds);
    assert_eq!(end, succeeded("(3 NIL NIL)"), "{}", execution.log());
    let expected = ["attempt 1", "attempt 2", "attempt 3", "t", "t", "failed never", "outside NIL"];
    assert_eq!(deeds.all(), expected);
}

#[test]
fn a_step_that_was_cut_off_runs_again_unless_it_runs_at_most_once() {
    needs!(sbcl);
    for (options, deed, result) in [
        ("", ["cut", "cut"].as_slice(), "2"),
        (":at-most-once t", &["cut"], "Durable.StepInterrupted"),
        (":at-most-once t :retry 1", &["cut", "cut"], "2"),
    ] {
        let deeds = Deeds::new();
        let forms = format!(
            "(handler-case
                (princ-to-string (durable-step \"s\" {options}
                  (did \"cut\")
                  (with-open-file (stream (sb-ext:posix-getenv \"DEEDS\"))
                    (if (= 1 (loop while (read-line stream nil) count t)) (sb-ext:exit :code 3 :abort t) 2))))
               (durable-failed (failed) (durable-failed-type failed)))"
        );
        let (execution, end) = run(&forms, &deeds);
        assert_eq!(end, succeeded(result), "{options}: {}", execution.log());
        assert_eq!(deeds.all(), deed, "{options}");
    }
}

#[test]
fn until_asks_again_with_its_state() {
    needs!(sbcl);
    let deeds = Deeds::new();
    let forms = r#"
        (let ((all (list (durable-until "u" :every 30 (state)
                           (did "u ~S" state)
                           (if (equal state '(b a)) (values "yes" :ignored) (values nil (cons (if state 'b 'a) state))))
                         (durable-until ("v" :every 5) (state)
                           (did "v ~S" state)
                           (> (durable-attempt) 2)))))
          (did "~S" all)
          (durable-wait 60)
          (did "~S" all)
          ;; the stand-in says that it began long ago
          (handler-case (durable-until "x" :every 1 :timeout 3600 (state) state)
            (durable-failed (failed) (did "~A" (durable-failed-type failed))))
          (handler-case (durable-until "w" :every 1 (state) (error "broken ~A" state))
            (durable-failed (failed) (format nil "~A" failed))))"#;
    let (execution, end) = run(forms, &deeds);
    assert_eq!(end, succeeded("broken NIL"), "{}", execution.log());
    let expected = [
        "u NIL",
        "u (FLOW::A)",
        "u (FLOW::B FLOW::A)",
        "v NIL",
        "v NIL",
        "v NIL",
        "(\"yes\" T)",
        "(\"yes\" T)",
        "(\"yes\" T)",
        "(\"yes\" T)",
        "(\"yes\" T)",
        "Durable.TimedOut",
    ];
    assert_eq!(deeds.all(), expected);
}

#[test]
fn callbacks_give_their_answers_as_text() {
    needs!(sbcl);
    let deeds = Deeds::new();
    let forms = r#"
        (handler-case
            (let* ((answer (durable-callback "approval" :timeout 3600 :heartbeat 60 :retry 1 (id)
                             (did "asked ~A" (and (search "callback-" id) t))
                             *standard-output*))
                   (id (durable-callback-id "second" :timeout 60))
                   (other (progn (did "id ~A" (and (search "callback-" id) t)) (durable-callback-result "second"))))
              (did "~S" (type-of answer))
              (format nil "~A ~A" answer other))
          (durable-failed (failed)
            (format nil "~A: ~A: ~A" (durable-failed-name failed) (durable-failed-type failed) failed)))"#;
    for (answer, result) in
        [(Ok("{\"a\": 1}"), "{\"a\": 1} {\"a\": 1}"), (Err(("Own", "refused")), "approval: Own: refused")]
    {
        let mut execution = Execution::of(Service::start(), || function(forms, &deeds));
        let service = execution.service.clone();
        let mut end = None;
        for _ in 0..5 {
            let reply = execution.invoke("input").unwrap();
            if reply["Status"] != "PENDING" {
                end = reply["Result"].as_str().map(str::to_owned);
                break;
            }
            service.answer_callbacks(answer);
        }
        assert_eq!(end.as_deref(), Some(result), "{}", execution.log());
        execution.recovers();
    }
    assert_eq!(deeds.count("asked T"), 2);
}

#[test]
fn other_functions_are_invoked() {
    needs!(sbcl);
    let deeds = Deeds::new();
    let forms = r#"
        (format nil "~A ~A" (durable-invoke "other:1" "{\"a\":1}") (durable-invoke "other:1" "2" :name "named" :tenant "t"))"#;
    let (execution, end) = run(forms, &deeds);
    // functions of the stand-in answer with their event
    assert_eq!(end, succeeded("{\"a\":1} 2"), "{}", execution.log());
    let names: Vec<_> = execution.service.operations().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["other:1", "named"]);
    let updates = &execution.service.checkpoints()[0]["Updates"][0];
    assert_eq!(
        (&updates["Payload"], &updates["ChainedInvokeOptions"]["FunctionName"]),
        (&"{\"a\":1}".into(), &"other:1".into())
    );
}

#[test]
fn names_count_for_themselves_in_a_context() {
    needs!(sbcl);
    let deeds = Deeds::new();
    let forms = r#"
        (let ((all (list (durable-step "s" (did "top") 1)
                         (durable-context "c"
                           (did "context")
                           (prog1 (list (durable-step "s" (did "inside") 2)
                                        (durable-context "c" (durable-step "s" (did "deep") 3)))
                             (durable-wait 60)))
                         (durable-step "s" (did "top again") 4)
                         (handler-case (durable-context "broken" (durable-step "s" (error "no")))
                           (durable-failed (failed) (list (durable-failed-name failed) (format nil "~A" failed)))))))
          (durable-wait 60)
          (format nil "~S" all))"#;
    let (execution, end) = run(forms, &deeds);
    assert_eq!(end, succeeded("(1 (2 3) 4 (\"broken\" \"no\"))"), "{}", execution.log());
    assert_eq!(deeds.all(), ["top", "context", "inside", "deep", "context", "top again"]);
}

#[test]
fn a_body_that_is_left_by_a_jump_has_no_end() {
    needs!(sbcl);
    let deeds = Deeds::new();
    let forms = r#"
        (let ((all (list (block nil (durable-step "s" (did "s") (return 1)))
                         (catch 'out (durable-context "c" (durable-step "t" (did "t") (throw 'out 2))))
                         (durable-step "u" (did "u") 3))))
          (durable-wait 60)
          (format nil "~A" all))"#;
    let (execution, end) = run(forms, &deeds);
    assert_eq!(end, succeeded("(1 2 3)"), "{}", execution.log());
    assert_eq!(deeds.all(), ["s", "t", "u", "s", "t"]);
}
