//! Errors: of steps, of executions, and of operations where none can be.

use super::{Deeds, End, run, succeeded};
use crate::lisp::lisp;

#[test]
fn a_failed_step_signals_the_same_in_its_first_run_and_in_replays() {
    needs!(sbcl);
    for (body, kind, message) in [
        ("(error \"no ~A\" 'good)", "SIMPLE-ERROR", "no GOOD"),
        ("(error 'own :code 5)", "FLOW::OWN", "own 5"),
        ("(parse-integer \"x\")", "SB-INT:SIMPLE-PARSE-ERROR", "junk in string \"x\""),
        ("(undefined-one)", "UNDEFINED-FUNCTION", "The function FLOW::UNDEFINED-ONE is undefined."),
        ("(error 'plain)", "FLOW::PLAIN", "Condition FLOW::PLAIN was signalled."),
        (
            "(durable-step \"inside\" 1)",
            "DURABLE:DURABLE-REFUSED",
            "the step `s` has a durable operation inside: put it beside the step, or make the step a `durable-context`",
        ),
        ("(progn (durable-wait 5))", "DURABLE:DURABLE-REFUSED", "the step `s` has a durable operation inside"),
        (
            "(sb-thread:join-thread (sb-thread:make-thread (lambda () (handler-case (durable-wait 5) (error (e) (format nil \"~A\" e))))))",
            "",
            "",
        ),
    ] {
        let deeds = Deeds::new();
        let forms = format!(
            "(progn
               (define-condition plain () ())
               (define-condition own (error) ((code :initarg :code :reader code)) (:report (lambda (c s) (format s \"own ~A\" (code c)))))
               (handler-case
                   (handler-bind ((error (lambda (c) (if (typep c 'durable-failed) (did \"bound ~A\" (durable-failed-name c)) (did \"wrong ~A\" c)))))
                     (let ((value (durable-step \"s\" (unwind-protect (progn (did \"ran\") {body}) (did \"cleaned\")))))
                       (did \"value ~A\" value)))
                 (error (c) (did \"~A ~S ~A\" (durable-failed-type c) (durable-failed-data c)
                                 (substitute #\\| #\\Newline (remove #\\' (format nil \"~A\" c))))))
               (durable-wait 60)
               \"ok\")"
        );
        let (execution, end) = run(&forms, &deeds);
        assert_eq!(end, succeeded("ok"), "{body}: {}", execution.log());
        let all = deeds.all();
        if kind.is_empty() {
            let value = "value the step `s` has a durable operation inside: put it beside the step, or make the step a `durable-context`";
            assert_eq!(all, ["ran", "cleaned", value, value], "{body}");
            continue;
        }
        assert_eq!(
            (all.len(), &all[..3]),
            (6, &["ran".to_owned(), "cleaned".to_owned(), "bound s".to_owned()][..]),
            "{body}: {all:?}"
        );
        let line = format!("{kind} NIL {}", message.replace('\n', "|"));
        assert!(all[3].starts_with(&line), "{body}: {all:?}");
        assert_eq!(all[5], all[3], "{body}");
    }
}

#[test]
fn an_error_that_nobody_takes_is_that_of_the_execution() {
    needs!(sbcl);
    for (forms, kind, message) in [
        ("(durable-step \"s\" (error \"no ~A\" 'good))", "SIMPLE-ERROR", "no GOOD"),
        (
            "(durable-context \"c\" (durable-step \"s\" (error 'end-of-file :stream nil)))",
            "END-OF-FILE",
            "end of file on NIL",
        ),
        ("(durable-context \"c\" (error \"in a context\"))", "SIMPLE-ERROR", "in a context"),
        (
            "(unwind-protect (handler-case (durable-fail \"Own.Type\" \"own message\") (t () (did \"wrong\"))) (did \"cleaned ~A\" (suspending-p)))",
            "Own.Type",
            "own message",
        ),
        ("(progn (durable-wait 5) (error \"later\"))", "SIMPLE-ERROR", "later"),
        (
            "(handler-case (durable-wait \"x\") (durable-refused (c) (error \"~A\" c)))",
            "SIMPLE-ERROR",
            "`seconds` is a number, not `x`",
        ),
        ("(durable-step \"\" 1)", "DURABLE:DURABLE-REFUSED", "a name is missing"),
    ] {
        let deeds = Deeds::new();
        let (execution, end) = run(forms, &deeds);
        assert_eq!(end, End::Failed(kind.to_owned(), message.to_owned()), "{forms}: {}", execution.log());
        assert_eq!(deeds.count("wrong"), 0);
    }
}

#[test]
fn the_error_of_a_step_has_the_stack_of_its_body() {
    needs!(sbcl);
    let deeds = Deeds::new();
    let forms = "(flet ((charge (n) (error \"no ~A\" n))) (declare (notinline charge)) (durable-step \"s\" (print (charge 5))))";
    let (execution, _) = run(forms, &deeds);
    let checkpoints = execution.service.checkpoints();
    let updates = checkpoints[0]["Updates"].as_array().unwrap();
    let stack = &updates.last().unwrap()["Error"]["StackTrace"];
    let lines: Vec<_> = stack.as_array().unwrap().iter().map(|line| line.as_str().unwrap()).collect();
    assert!(lines[0].contains("CHARGE") && lines[0].contains("main.lisp: line "), "{lines:?}");
    assert!(lines.last().unwrap().contains("FLOW:HANDLER"), "{lines:?}");
    assert!(!lines.iter().any(|line| line.contains("LAMBDA-SCRIPT-RUNTIME") || line.contains("SIGNAL")), "{lines:?}");
}

#[test]
fn two_at_once_and_another_kind_end_the_execution() {
    needs!(sbcl);
    for (forms, kind, message) in [
        (
            "(mapc #'sb-thread:join-thread
                   (loop repeat 2 collect (sb-thread:make-thread (lambda () (handler-case (durable-step \"s\" (sleep 1)) (t () (did \"wrong\")))))))",
            "Durable.NameInUse",
            "two operations named `s` run at the same time",
        ),
        (
            "(progn (if (= *events* 1) (durable-step \"s\" 1) (handler-case (durable-context \"s\" 1) (t () (did \"wrong\")))) (durable-wait 60))",
            "Durable.NonDeterministic",
            "`s` (number 1) was a Step in an earlier invocation, and is a RunInChildContext now",
        ),
    ] {
        let deeds = Deeds::new();
        let (execution, end) = run(forms, &deeds);
        let End::Failed(actual, text) = end else { panic!("{kind}: {}", execution.log()) };
        assert!(actual == kind && text.starts_with(message), "{actual}: {text}");
        assert_eq!(deeds.count("wrong"), 0);
    }
}

#[test]
fn operations_outside_of_a_durable_execution_say_how_to_run_one() {
    needs!(sbcl);
    let text = "(defun handler (event) (eval (let ((*package* (find-package :durable))) (read-from-string event))))";
    let running = lisp(text).start();
    let message = "this is no event of a durable execution: run it with `bootstrap --durable HANDLER EVENT`";
    for event in [
        "(durable-step \"s\" (cl:error \"ran\"))",
        "(durable-wait 5)",
        "(durable-callback \"c\" (id) id)",
        "(durable-callback-id \"c\")",
        "(durable-callback-result \"c\")",
        "(durable-invoke \"f:1\" \"\")",
        "(durable-until \"u\" :every 1 (state) state)",
        "(durable-context \"c\" 1)",
        "(durable-fail \"T\" \"m\")",
        "(durable-replaying-p)",
    ] {
        let error = running.error(event);
        assert_eq!((&error.kind[..], &error.message[..]), ("DURABLE:DURABLE-REFUSED", message), "{event}");
    }
    assert_eq!(running.text("(cl:format cl:nil \"~A ~A\" (suspending-p) (durable-attempt))"), "NIL NIL");
}
