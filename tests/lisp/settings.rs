//! Settings at the top level of a file hold for events, as after `load` in plain SBCL. Neither these settings nor those of
//! an event reach a step of the runtime.

use super::{evaluate, lisp, lisp_files};
use crate::support::{Event, Function, Running};

/// Each special with a value that is far from its usual one, and how that value prints in plain SBCL.
const SPECIALS: [(&str, &str); 26] = [
    ("*print-array*", "nil"),
    ("*print-base*", "2"),
    ("*print-case*", ":downcase"),
    ("*print-circle*", "t"),
    ("*print-escape*", "nil"),
    ("*print-gensym*", "nil"),
    ("*print-length*", "1"),
    ("*print-level*", "1"),
    ("*print-lines*", "1"),
    ("*print-miser-width*", "7"),
    ("*print-pprint-dispatch*", "(copy-pprint-dispatch nil)"),
    ("*print-pretty*", "nil"),
    ("*print-radix*", "t"),
    ("*print-readably*", "t"),
    ("*print-right-margin*", "7"),
    ("*read-base*", "16"),
    ("*read-default-float-format*", "'double-float"),
    ("*read-eval*", "nil"),
    ("*read-suppress*", "t"),
    ("*random-state*", "(sb-ext:seed-random-state 1)"),
    ("*default-pathname-defaults*", "#p\"/usr/\""),
    ("*features*", "(list :nothing)"),
    ("*gensym-counter*", "7"),
    ("*load-verbose*", "t"),
    ("*compile-print*", "t"),
    ("*break-on-signals*", "'sb-sys:interactive-interrupt"),
];

/// Answers with whether the special is as it was set, fails, or sets it, as the event says.
fn probe(special: &str, value: &str) -> String {
    format!(
        "(defvar cl-user::*mine* {value})\n\
         (defun handler (event headers)\n  headers\n  \
         (cond ((string= event \"fail\") (error \"no ~a and ~a\" 10 'symbol))\n        \
         ((string= event \"set\") (setf {special} cl-user::*mine*) \"set\")\n        \
         ((eql {special} cl-user::*mine*) \"held\")\n        (t \"undone\")))\n"
    )
}

fn fails_as_usual(function: &Running, special: &str) {
    let error = function.error_to(Event::new("fail").header("x-own", "1"));
    assert_eq!((error.kind.as_str(), error.message.as_str()), ("SIMPLE-ERROR", "no 10 and SYMBOL"), "{special}");
    assert!(error.stack.iter().any(|line| line.starts_with("(HANDLER \"fail\"")), "{special}: {:?}", error.stack);
}

#[test]
fn what_a_file_sets_at_its_top_level_holds_and_reaches_nothing_of_ours() {
    needs!(sbcl);
    for (special, value) in SPECIALS {
        let code = probe(special, value) + &format!("(setf {special} cl-user::*mine*)\n");
        let function = lisp(&code).start();
        for _ in 0..2 {
            assert_eq!(function.text("get"), "held", "{special}");
            fails_as_usual(&function, special);
        }
        assert_eq!(function.log().lines().filter(|line| !line.contains("ERROR")).count() % 2, 0, "{special}");
    }
}

#[test]
fn what_an_event_sets_reaches_nothing_of_ours() {
    needs!(sbcl);
    for (special, value) in SPECIALS {
        let function = lisp(&probe(special, value)).start();
        assert_eq!(function.text("get"), "undone", "{special}");
        assert_eq!(function.text("set"), "set", "{special}");
        // the image is shared
        assert_eq!(function.text("get"), "held", "{special}");
        fails_as_usual(&function, special);
    }
}

#[test]
fn the_same_holds_from_a_fasl() {
    needs!(sbcl);
    let code = "(setf *read-default-float-format* 'double-float *read-eval* nil *read-base* 16 *print-base* 2)\n\
                (defun handler (event headers) headers (with-standard-io-syntax\n  \
                (format nil \"~a ~a ~a ~a\" *read-default-float-format* *read-eval* *read-base* event)))\n";
    let read = "(setf *read-default-float-format* 'double-float *read-eval* nil *read-base* 16)\n\
                (defun handler (event headers) headers (let ((*print-base* 10)) (handler-case \
                (prin1-to-string (read-from-string event)) (reader-error () \"refused\"))))\n";
    for code in [code, read] {
        let function = lisp_files(&[("main.lisp", code)]).handler("main.handler");
        evaluate(&function, &[], &["(compile-file \"main.lisp\")"]);
        std::fs::remove_file(function.path("main.lisp")).unwrap();
        let function = function.start();
        function.text("1");
        if code == read {
            for (event, answer) in [("1.5", "1.5"), ("10", "16"), ("#.(+ 1 2)", "refused"), ("ff", "255")] {
                assert_eq!(function.text(event), answer);
            }
        }
    }
}

#[test]
fn the_package_and_the_syntax_are_those_of_load() {
    needs!(sbcl);
    let code = "(defpackage #:shop (:use #:cl))\n(in-package #:shop)\n(setf (readtable-case *readtable*) :preserve)\n\
                (CL:DEFUN CL-USER::HANDLER (EVENT HEADERS) HEADERS\n  (CL:WHEN (CL:STRING= EVENT \"set\") (CL:SETF CL:*PACKAGE* (CL:FIND-PACKAGE \"SHOP\")))\n  \
                (CL:FORMAT CL:NIL \"~a ~a\" (CL:PACKAGE-NAME CL:*PACKAGE*) (CL:READTABLE-CASE CL:*READTABLE*)))\n";
    let function = lisp(code).start();
    // the table itself was changed, and not which one is used
    assert_eq!(function.text("get"), "COMMON-LISP-USER PRESERVE");
    assert_eq!(function.text("set"), "SHOP PRESERVE");
    assert_eq!(function.text("get"), "COMMON-LISP-USER PRESERVE");
}

#[test]
fn a_handler_takes_as_many_arguments_as_it_says() {
    needs!(sbcl);
    for (definition, answer) in [
        ("(defun handler (event) (string-upcase event))", "X"),
        ("(defun handler () \"nothing\")", "nothing"),
        ("(defun handler (event &key (size 1)) (format nil \"~a~a\" event size))", "x1"),
        ("(defun handler (event &optional headers) (format nil \"~a~a\" event (consp headers)))", "xT"),
        ("(defun handler (event &rest more) (format nil \"~a~a\" event (length more)))", "x1"),
        ("(defun handler (&rest all) (format nil \"~a\" (length all)))", "2"),
        ("(defgeneric handler (event))\n(defmethod handler ((event string)) (string-upcase event))", "X"),
        (
            "(let ((count 0)) (setf (fdefinition 'handler) (lambda (event) (format nil \"~a~a\" event (incf count)))))",
            "x2",
        ),
        ("(defun handler (event headers) (format nil \"~a~a\" event (consp headers)))", "xT"),
    ] {
        let function = lisp(definition).start();
        function.text("x");
        assert_eq!(function.text("x"), answer, "{definition}");
    }
    let forms = Function::with(&[]).handler("(lambda (event) (reverse event))").start();
    for _ in 0..2 {
        assert_eq!(forms.text("abc"), "cba");
    }
}

#[test]
fn a_byte_order_mark_and_windows_line_ends_are_read_past() {
    needs!(sbcl);
    let function = lisp("\u{feff}(defun handler (event headers)\r\n  headers\r\n  event)\r\n").start();
    for _ in 0..2 {
        assert_eq!(function.text("x"), "x");
    }
    let script = "\u{feff}#!/usr/bin/env sbcl\r\n(defun main (&rest argv) argv (write-string \"read\"))\r\n";
    let script = lisp_files(&[("a.lisp", script)]).handler("a.lisp").start();
    for _ in 0..2 {
        assert_eq!(script.text("x"), "read");
    }
}
