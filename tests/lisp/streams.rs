//! Standard streams: each event has its own, whatever an earlier one, or a thread of it, has done with them.

use super::lisp_files;
use crate::support::{Function, Running};

/// A script with this text.
fn script(text: &str) -> Running {
    lisp_files(&[("job.lisp", text)]).handler("job.lisp").start()
}

#[test]
fn what_an_event_does_with_its_streams_is_gone_with_it() {
    needs!(sbcl);
    for body in [
        "(princ (uiop:slurp-stream-string *standard-input*))",
        "(with-open-stream (in *standard-input*) (princ (read-line in)))",
        "(princ (read-line)) (close *standard-input*)",
        "(princ (read-line)) (close sb-sys:*stdin*)",
        "(princ (uiop:slurp-stream-string uiop:*stdin*))",
        "(format uiop:*stdout* (read-line uiop:*stdin*)) (close uiop:*stdout*) (close uiop:*stdin*) (close uiop:*stderr*)",
        "(uiop:finish-outputs) (uiop:with-output (s t) (format s (uiop:with-input (i *standard-input*) (read-line i))))",
        "(let ((in (make-synonym-stream 'sb-sys:*stdin*))) (princ (read-line in)) (close in))",
        "(princ (read-line)) (close *standard-output*)",
        "(princ (read-line)) (close sb-sys:*stdout*)",
        "(princ (read-line)) (finish-output) (close *standard-output* :abort t)",
        "(princ (read-line)) (close *error-output*) (close sb-sys:*stderr*)",
        "(princ (read-line)) (close *trace-output*) (close *terminal-io*) (close *query-io*) (close *debug-io*)",
        "(princ (read-line)) (close sb-sys:*tty*)",
        "(princ (uiop:run-program \"cat\" :input *standard-input* :output :string))",
        "(princ (uiop:run-program '(\"cat\") :input sb-sys:*stdin* :output :string))",
        "(uiop:run-program \"cat\" :input *standard-input* :output *standard-output*)",
        "(sb-ext:run-program \"/bin/cat\" '() :input *standard-input* :output *standard-output*)",
        "(let ((s (make-echo-stream *standard-input* *standard-output*))) (read-line s nil) (close s))",
        "(let ((s (make-two-way-stream *standard-input* *standard-output*))) (princ (read-line s) s) (close s))",
        "(let ((s (make-broadcast-stream *standard-output*))) (princ (read-line) s) (close s))",
        "(let ((s (make-concatenated-stream *standard-input*))) (princ (read-line s)) (close s))",
        "(princ (peek-char)) (unread-char (read-char)) (read-char) (princ (read-line))",
        "(princ (read-char)) (princ (and (listen) (read-line)))",
        "(princ (read-char)) (file-position *standard-input* 1) (princ (read-line))",
        "(princ (read-line)) (clear-input) (clear-output)",
        "(princ (read-line)) (format *trace-output* \"t\") (format *query-io* \"q\") (format *debug-io* \"d\") (trace main) (untrace)",
        "(setf *read-default-float-format* 'double-float *print-base* 2 *read-base* 16 *print-readably* t) (write-string (read-line))",
        "(setf (readtable-case *readtable*) :invert *readtable* (copy-readtable)) (princ (read-line))",
        "(sb-ext:disable-debugger) (princ (handler-bind ((error (lambda (c) (declare (ignore c)) (invoke-restart 'use-value (read-line))))) (restart-case (error \"no\") (use-value (v) v))))",
        "(princ (sb-ext:with-timeout 5 (read-line)))",
        "(sb-ext:finalize (list 1) (lambda () (format t \"finalized~%\"))) (sb-ext:gc :full t) (princ (read-line))",
    ] {
        let function = script(&format!("(defun main () {body})"));
        for event in ["one", "two", "three"] {
            assert_eq!(function.text(event), event, "{body}");
        }
    }
}

#[test]
fn functions_log_after_an_event_has_closed_their_streams() {
    needs!(sbcl);
    for closing in [
        "*standard-output*",
        "sb-sys:*stdout*",
        "*error-output*",
        "sb-sys:*stderr*",
        "*trace-output*",
        "*terminal-io*",
        "sb-sys:*tty*",
        "*query-io*",
    ] {
        let code = format!(
            "(defun handler (event)\n  (dolist (s (list *standard-output* *error-output* *trace-output* *query-io*)) (format s \"<~a>\" event))\n  (close {closing})\n  event)"
        );
        let function = lisp_files(&[("main.lisp", &code)]).handler("main.handler").start();
        for event in ["1", "2"] {
            assert_eq!(function.text(event), event, "{closing}");
        }
        let log = function.log();
        assert_eq!(log, "<1><1><1><1><2><2><2><2>", "{closing}");
    }
}

/// The answers of later events, which take their time.
const ANSWER: &str = "answer 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19";

/// Ways of event 1 to print while event 2 runs.
const STRAYS: [&str; 6] = [
    "(sb-thread:make-thread (lambda () (loop (format t \"stray~%\") (finish-output) (sleep 0.001))))",
    "(sb-thread:make-thread (lambda () (sb-thread:join-thread (sb-thread:make-thread (lambda () (loop (write-line \"stray\" sb-sys:*stdout*) (finish-output) (sleep 0.001)))))))",
    "(sb-ext:schedule-timer (sb-ext:make-timer (lambda () (format t \"stray~%\"))) 0.05 :repeat-interval 0.002)",
    "(sb-ext:schedule-timer (sb-ext:make-timer (lambda () (format t \"stray~%\")) :thread t) 0.05 :repeat-interval 0.002)",
    "(sb-ext:schedule-timer (sb-ext:make-timer (lambda () (unless *first* (error \"stray\")))) 0.05 :repeat-interval 0.01)",
    "(let ((s *standard-output*)) (sb-thread:make-thread (lambda () (loop (format s \"stray~%\") (finish-output s) (sleep 0.001)))))",
];

#[test]
fn what_an_earlier_event_prints_is_in_no_answer() {
    needs!(sbcl);
    for stray in STRAYS {
        let main = format!(
            "(let ((event (read-line)))\n    (if (string= event \"1\") {stray} (setf *first* nil))\n    (format t \"answer\")\n    (unless (string= event \"1\") (dotimes (i 20) (sleep 0.01) (format t \" ~d\" i)))\n    (finish-output))"
        );
        let script = format!("(defvar *first* t)\n(defun main () {main})");
        let function = format!(
            "(defvar *first* t)\n(defun handler (event) (with-input-from-string (*standard-input* event) {main}))"
        );
        for mode in ["buffered", "streaming"] {
            for (text, handler, convention) in
                [(&script, "job.lisp", "standard-io"), (&function, "job.handler", "stream")]
            {
                let function = Function::with(&[("job.lisp", text)])
                    .env("SCRIPT_RUNTIME_LISP_CORE", super::built_core().to_str().unwrap())
                    .env("SCRIPT_RUNTIME_RESPONSE_MODE", mode)
                    .env("SCRIPT_RUNTIME_LISP_CONVENTION", convention)
                    .handler(handler)
                    .start();
                let answer = function.text("1");
                assert!(answer.starts_with("answer") || answer.starts_with("stray"), "{stray}");
                for event in ["2", "3"] {
                    assert_eq!(function.text(event), ANSWER, "{mode} {handler} {stray}");
                }
                function.wait_for_log("stray");
            }
        }
    }
}

#[test]
fn threads_and_timers_of_an_event_write_its_answer() {
    needs!(sbcl);
    for body in [
        "(sb-thread:join-thread (sb-thread:make-thread (lambda (text) (write-string text)) :arguments (list (read-line))))",
        "(sb-thread:join-thread (sb-thread:make-thread (lambda () (write-string (read-line)))))",
        "(sb-thread:join-thread (sb-thread:make-thread 'echo))",
        "(sb-thread:join-thread (sb-thread:make-thread (lambda () (sb-thread:join-thread (sb-thread:make-thread #'echo)))))",
        "(sb-ext:schedule-timer (sb-ext:make-timer #'echo) 0.01) (loop until *done* do (sleep 0.01))",
        "(sb-ext:schedule-timer (sb-ext:make-timer #'echo :thread t) 0.01) (loop until *done* do (sleep 0.01))",
        "(sb-ext:schedule-timer *timer* 0.01) (loop until *done* do (sleep 0.01))",
        "(sb-thread:join-thread (sb-thread:make-thread (lambda () (write-sequence (sb-ext:string-to-octets (read-line)) *standard-output*))))",
        "(let ((thread (sb-thread:make-thread (lambda () (sleep 100))))) (sb-thread:interrupt-thread thread (lambda () (echo) (sb-thread:abort-thread))) (sb-thread:join-thread thread :default nil))",
    ] {
        let function = script(&format!(
            "(defvar *done* nil)\n(defun echo () (write-string (read-line)) (setf *done* t))\n(defvar *timer* (sb-ext:make-timer #'echo :thread t))\n(defun main () (setf *done* nil) {body})"
        ));
        for event in ["one", "two"] {
            assert_eq!(function.text(event), event, "{body}");
        }
    }
}

#[test]
fn an_exit_in_a_thread_ends_the_event_at_once() {
    needs!(sbcl);
    let text = "(defun in-thread (function) (sb-thread:make-thread function) (sleep 60))\n\
                (defun main () (princ \"so far\") (eval (read)))";
    let function = script(text);
    let code = |exit: &str| format!("(in-thread (lambda () {exit}))");
    for _ in 0..2 {
        for exit in [
            "(uiop:quit 3)",
            "(sb-ext:exit :code 3)",
            "(unwind-protect (sb-ext:exit :code 3) (sleep 0.01))",
            "(sb-thread:join-thread (sb-thread:make-thread (lambda () (sb-ext:exit :code 3))))",
        ] {
            let error = function.error(code(exit));
            assert_eq!(error.kind, "Function.ExitStatus", "{exit}");
            assert!(error.message.starts_with("the handler ended with status 3"), "{}", error.message);
            assert_eq!(function.text("(princ 1)"), "so far1", "{exit}");
        }
        assert_eq!(function.text(code("(uiop:quit)")), "so far");
        let error = function.error(code("(sb-ext:exit :code 3 :abort t)"));
        assert_eq!((error.kind.as_str(), error.message.contains("exit status: 3")), ("Runtime.WorkerExited", true));
        assert_eq!(function.text("(princ 1)"), "so far1");
    }
    // of an earlier event
    let late = "(progn (sb-thread:make-thread (lambda () (sleep 0.1) (sb-ext:exit :code 3))) (princ 1))";
    assert_eq!(function.text(late), "so far1");
    assert_eq!(function.text("(progn (sleep 0.3) (princ 2))"), "so far2");
}

#[test]
fn an_exit_in_a_thread_of_a_function_ends_the_worker_at_once() {
    needs!(sbcl);
    let text = "(defun handler (event) (sb-thread:make-thread (lambda () (eval (read-from-string event)))) (sleep 60))";
    let function = lisp_files(&[("main.lisp", text)]).handler("main.handler").start();
    for exit in ["(uiop:quit 3)", "(sb-ext:exit :code 3)", "(sb-ext:exit :code 3 :abort t)"] {
        for _ in 0..2 {
            let error = function.error(exit);
            assert_eq!(error.kind, "Runtime.WorkerExited", "{exit}");
            assert!(error.message.contains("exit status: 3"), "{}", error.message);
        }
    }
}
