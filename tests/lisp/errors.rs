//! Handlers that fail, and the next event.

use super::{lisp, lisp_files};
use crate::support::Running;

/// A handler that evaluates the event, and has functions that fail.
fn evaluator() -> Running {
    lisp(
        "(declaim (optimize debug))\n\
         (defpackage :shop (:use :cl)) \
         (define-condition shop::sold-out (error) ((item :initarg :item)) \
           (:report (lambda (c s) (format s \"no ~a \\\"left\\\", ä\" (slot-value c 'item))))) \
         (define-condition broken-report (error) () (:report (lambda (c s) s (error \"again ~a\" c)))) \
         (defun inner (item) (error 'shop::sold-out :item item)) \
         (defun outer (item) (list (inner item))) \
         (defun deep (n) (1+ (deep (1+ n)))) \
         (defun handler (data h) h (princ-to-string (eval (read-from-string data))))",
    )
    .start()
}

/// The second event shows that the worker, if the first left it, still answers.
fn recovers(function: &Running) {
    assert_eq!(function.text("(+ 1 2)"), "3");
}

#[test]
fn a_condition_is_its_type_its_report_and_the_backtrace() {
    needs!(sbcl);
    let function = evaluator();
    let error = function.error("(outer \"tea\")");
    assert_eq!(error.kind, "SHOP::SOLD-OUT");
    assert_eq!(error.message, "no tea \"left\", ä");
    let stack: Vec<_> = error.stack.iter().map(String::as_str).collect();
    assert_eq!(stack[..2], ["(INNER \"tea\"), main.lisp: line 2", "(OUTER \"tea\"), main.lisp: line 2"]);
    assert!(stack.last().unwrap().starts_with("(HANDLER \"(outer \\\"tea\\\")\""), "{stack:?}");
    assert!(!error.json.to_string().contains("LAMBDA-SCRIPT-RUNTIME"), "{}", error.json);
    recovers(&function);
}

#[test]
fn a_call_is_shown_with_the_file_and_the_line_of_its_form() {
    needs!(sbcl);
    for (form, kind, label) in [
        ("(no-such-function data)", "UNDEFINED-FUNCTION", "(\"undefined function\" "),
        ("(list (no-such-function data))", "UNDEFINED-FUNCTION", "INNER "),
        ("(list no-such-variable data)", "UNBOUND-VARIABLE", "INNER "),
        ("(+ 1 (length data) (car data))", "TYPE-ERROR", "INNER "),
        ("(1+ (parse-integer data))", "SB-INT:SIMPLE-PARSE-ERROR", "INNER "),
        ("(error \"no ~a\" data)", "SIMPLE-ERROR", "INNER "),
        ("(list (/ 1 (- (length data) (length data))))", "DIVISION-BY-ZERO", "INNER "),
        ("(funcall (lambda (x)\n  (error \"no ~a\" x)) data)", "SIMPLE-ERROR", "((LAMBDA "),
        ("(mapcar (lambda (x)\n  (error \"no ~a\" x)) (list data))", "SIMPLE-ERROR", "((LAMBDA "),
    ] {
        let text = format!(
            "#!/usr/bin/env sbcl\n#| ä |#\n(defpackage :shop (:use :cl))\n(in-package :shop)\n\n(defun inner (data)\n  (let ((n 1))\n    (print n)\n    {form}))\n\
             (defun cl-user::handler (data)\n  (let ((result\n          (inner data)))\n    (list result \"x\")))\n"
        );
        let lines = form.matches('\n').count();
        for file in ["main.lisp", "src/deep/main.lisp"] {
            let handler = file.replace(".lisp", ".handler");
            let function = lisp_files(&[(file, &text)]).handler(handler).start();
            for _ in 0..2 {
                let error = function.error("tea");
                assert_eq!(error.kind, kind, "{form}");
                let inner = error.stack.iter().find(|line| line.contains(label)).unwrap_or(&error.stack[0]);
                assert!(inner.ends_with(&format!(", {file}: line {}", 9 + lines)), "{form}: {:?}", error.stack);
                let outer = error.stack.last().unwrap();
                assert_eq!(outer, &format!("(HANDLER \"tea\"), {file}: line {}", 12 + lines), "{form}");
            }
        }
    }
}

#[test]
fn a_handler_that_ends_in_a_tail_call_is_shown_with_its_definition() {
    needs!(sbcl);
    let definition = "(HANDLER ...), main.lisp: line 2";
    for (body, first, last) in [
        ("(no-such-function event)", "(\"undefined function\" \"tea\"), main.lisp: line 3", definition),
        ("(symbol-name event)", "(HANDLER \"tea\"), main.lisp: line 3", "(HANDLER \"tea\"), main.lisp: line 3"),
        ("(parse-integer event :start 1)", "(", definition),
        ("(cerror \"go on\" event)", definition, definition),
        ("(break event)", definition, definition),
    ] {
        let function = lisp(&format!("\n(defun handler (event)\n  {body})\n")).start();
        for _ in 0..2 {
            let stack = function.error("tea").stack;
            assert!(stack[0].starts_with(first), "{stack:?}");
            assert_eq!(stack.last().unwrap(), last, "{body}");
        }
    }
    let returned = lisp("(defun handler (event) (length event))").start();
    for _ in 0..2 {
        assert_eq!(returned.error("tea").stack, [""; 0]);
    }
}

#[test]
fn standard_conditions_have_no_package_prefix() {
    needs!(sbcl);
    let function = evaluator();
    for (form, kind, message) in [
        ("(error \"plain ~a\" 1)", "SIMPLE-ERROR", "plain 1"),
        ("(signal 'broken-report)", "", "NIL"),
        ("(error 'broken-report)", "BROKEN-REPORT", "a BROKEN-REPORT, whose report cannot be printed"),
        ("(throw 'nowhere 1)", "SB-INT:SIMPLE-CONTROL-ERROR", "attempt to THROW to a tag that does not exist: NOWHERE"),
        ("(break \"stop ~a\" 1)", "SIMPLE-CONDITION", "stop 1"),
        ("(invoke-debugger (make-condition 'simple-warning :format-control \"w\"))", "SIMPLE-WARNING", "w"),
        ("(abort)", "ABORT", "the handler invoked the restart ABORT"),
        ("(handler-case (error \"caught\") (error () 7))", "", "7"),
        ("(restart-case (invoke-restart 'mine) (mine () 8))", "", "8"),
        ("(ignore-errors (error \"x\"))", "", "NIL"),
        ("(unwind-protect (error \"first\") (error \"second\"))", "SIMPLE-ERROR", "second"),
        ("(error \"~a\" (make-string 100000 :initial-element #\\x))", "SIMPLE-ERROR", ""),
    ] {
        if kind.is_empty() {
            assert_eq!(function.text(form), message, "{form}");
            continue;
        }
        let error = function.error(form);
        assert_eq!(error.kind, kind, "{form}");
        if message.is_empty() {
            assert_eq!(error.message, "x".repeat(65536) + "...");
        } else {
            assert_eq!(error.message, message, "{form}");
        }
        recovers(&function);
    }
}

#[test]
fn a_type_that_no_header_can_hold_is_made_ascii() {
    needs!(sbcl);
    let function = evaluator();
    let error = function.error("(progn (define-condition |schön\n| (error) ()) (error '|schön\n|))");
    assert_eq!(error.kind, "|sch?n?|");
    recovers(&function);
}

#[test]
fn a_report_of_something_endless_ends() {
    needs!(sbcl);
    let function = evaluator();
    let error = function.error("(let ((l (list 1))) (setf (cdr l) l) (error \"circular ~a\" l))");
    assert!(error.message.starts_with("circular (1 1 1 ") && error.message.len() < 200, "{}", error.message);
    recovers(&function);
}

#[test]
fn an_event_in_a_backtrace_is_cut() {
    needs!(sbcl);
    let function =
        lisp("(declaim (optimize debug)) (defun handler (data h) h (if (string= data \"ok\") data (error \"no\")))")
            .start();
    let error = function.error("x".repeat(5 << 20));
    assert_eq!(error.message, "no");
    let line = error.stack.last().unwrap();
    assert!(line.starts_with("(HANDLER ") && line.len() < 500, "{line}");
    assert_eq!(function.text("ok"), "ok");
}

#[test]
fn stack_exhaustion_ends_the_worker_and_the_next_event_finds_a_new_one() {
    needs!(sbcl);
    let function = evaluator();
    let error = function.error("(deep 0)");
    assert_eq!(error.kind, "Runtime.WorkerExited");
    assert!(error.message.contains("\nControl stack exhausted, "), "{}", error.message);
    recovers(&function);
}

#[test]
fn heap_exhaustion_by_one_large_object_is_an_error_of_the_event() {
    needs!(sbcl);
    let function = evaluator();
    let error = function.error("(length (make-array 1000000000))");
    assert_eq!(error.kind, "SB-KERNEL::HEAP-EXHAUSTED-ERROR");
    assert!(error.message.starts_with("Heap exhausted"), "{}", error.message);
    recovers(&function);
}

#[test]
fn heap_exhaustion_by_many_objects_ends_the_worker() {
    needs!(sbcl);
    let function = evaluator();
    let error = function.error("(loop with l do (push (make-array 1000) l))");
    assert!(["Runtime.WorkerExited", "SB-KERNEL::HEAP-EXHAUSTED-ERROR"].contains(&error.kind.as_str()), "{error:?}");
    assert!(error.message.contains("eap exhausted"), "{}", error.message);
    recovers(&function);
}

#[test]
fn exit_ends_the_worker_with_its_status() {
    needs!(sbcl);
    let function = evaluator();
    for form in ["(sb-ext:exit :code 3)", "(sb-ext:exit :code 3 :abort t)", "(uiop:quit 3)", "(ros:quit 3)"] {
        let error = function.error(form);
        assert_eq!(error.kind, "Runtime.WorkerExited", "{form}");
        assert_eq!(error.message, "the worker ended (exit status: 3) before it answered");
        recovers(&function);
    }
}

#[test]
fn nothing_can_be_read_from_a_terminal() {
    needs!(sbcl);
    let function = evaluator();
    for form in [
        "(read-line)",
        "(read-line *terminal-io*)",
        "(read-char *query-io*)",
        "(y-or-n-p \"really?\")",
        "(read *debug-io*)",
    ] {
        assert_eq!(function.error(form).kind, "END-OF-FILE", "{form}");
        recovers(&function);
    }
    function.wait_for_log("really?");
}

#[test]
fn a_failed_script_leaves_no_part_of_its_answer() {
    needs!(sbcl);
    let function = lisp_files(&[(
        "s.lisp",
        "(defun main () (write-line \"part\") (when (string= (read-line) \"fail\") (error \"failed\")))",
    )])
    .handler("s.lisp")
    .start();
    assert_eq!(function.error("fail").message, "failed");
    assert_eq!(function.text("go"), "part\n");
    assert_eq!(function.error("").kind, "END-OF-FILE");
    assert_eq!(function.text("go"), "part\n");
}

#[test]
fn threads_that_are_left_behind_do_not_disturb_the_next_event() {
    needs!(sbcl);
    let function = evaluator();
    let print = "(progn (sb-thread:make-thread (lambda () (loop (format t \"busy~%\") (sleep 0.001)))) 1)";
    assert_eq!(function.text(print), "1");
    for _ in 0..20 {
        recovers(&function);
    }
    let fail = "(progn (sb-thread:make-thread (lambda () (error \"in a thread\")) :name \"mine\") 2)";
    assert_eq!(function.text(fail), "2");
    function.wait_for_log("thread mine ended: SIMPLE-ERROR: in a thread\n");
    recovers(&function);
}

#[test]
fn an_error_behind_disable_debugger_is_as_any_other() {
    needs!(sbcl);
    let body = "(sb-ext:disable-debugger)\n  (error \"no order ~a\" 8))\n";
    let function = lisp(&format!("(defun handler (event)\n  {body}"));
    let script = lisp_files(&[("job.lisp", &format!("(defun main ()\n  {body}"))]).handler("job.lisp");
    for function in [function, script] {
        let function = function.start();
        for _ in 0..2 {
            let error = function.error("{}");
            assert_eq!((&error.kind[..], &error.message[..]), ("SIMPLE-ERROR", "no order 8"));
            assert!(error.stack[0].ends_with(".lisp: line 3"), "{:?}", error.stack);
        }
    }
}

#[test]
fn a_debugger_hook_of_the_users_own_is_asked_first() {
    needs!(sbcl);
    let function = lisp(
        "(sb-ext:disable-debugger) \
         (setf *debugger-hook* (lambda (c h) h (format t \"hooked: ~a~%\" c))) \
         (defun handler (data h) h (if (string= data \"\") (error \"empty\") data))",
    )
    .start();
    assert_eq!(function.error("").message, "empty");
    assert!(function.log().contains("hooked: empty\n"), "{}", function.log());
    assert_eq!(function.text("1"), "1");
    let broken = lisp(
        "(setf *debugger-hook* (lambda (c h) c h (error \"in the hook\"))) \
         (defun handler (data h) h (if (string= data \"\") (error \"empty\") data))",
    )
    .start();
    for _ in 0..2 {
        assert_eq!(broken.error("").message, "in the hook");
        assert_eq!(broken.text("1"), "1");
    }
    assert!(!broken.log().contains("debugger"), "{}", broken.log());
}
