//! Which file, and which function in it.

use std::{
    fs::File,
    time::{Duration, SystemTime},
};

use super::{evaluate, lisp, lisp_files};
use crate::support::Function;

const ECHO: &str = "(defun handler (data headers) (declare (ignore headers)) data)";

#[test]
fn calls_a_function_of_a_file() {
    needs!(sbcl);
    let function = lisp(ECHO).start();
    assert_eq!(function.text(r#"{"x": "ä€😀"}"#), r#"{"x": "ä€😀"}"#);
    assert_eq!(function.text(""), "");
}

#[test]
fn does_the_same_with_the_shim_from_its_source() {
    needs!(sbcl);
    let function =
        Function::with(&[("main.lisp", ECHO)]).handler("main.handler").without_env("SCRIPT_RUNTIME_LISP_CORE").start();
    assert_eq!(function.text(r#"{"x": "ä€😀"}"#), r#"{"x": "ä€😀"}"#);
    assert_eq!(function.log(), "");
}

#[test]
fn names_a_symbol_with_its_package_and_a_file_with_its_extension() {
    needs!(sbcl);
    let text = "(defpackage :shop (:use :cl) (:export :order)) (in-package :shop) (defun order (d h) d h \"ordered\") \
                (defun |mixed Case| (d h) d h \"mixed\") (defun cl-user::get/orders (d) d \"slash too\") \
                (defpackage :my-app/main (:use :cl)) (defun my-app/main::handler (d) d \"slash\")";
    for (handler, answer) in [
        ("src/shop.shop:order", "ordered"),
        ("src/shop.shop::order", "ordered"),
        ("src/shop.lisp.shop::order", "ordered"),
        ("./src/shop.shop::|mixed Case|", "mixed"),
        ("src/shop.my-app/main::handler", "slash"),
        ("src/shop.lisp.my-app/main::handler", "slash"),
        ("src/shop.get/orders", "slash too"),
    ] {
        let function = lisp_files(&[("src/shop.lisp", text)]).handler(handler).start();
        assert_eq!(function.text(""), answer, "{handler}");
    }
}

#[test]
fn takes_the_newer_of_fasl_and_source() {
    needs!(sbcl);
    for (age_of_fasl, answer) in [(0, "old source"), (60, "new source")] {
        let function = lisp("(defun handler (d h) d h \"old source\")");
        evaluate(&function, &[], &["(compile-file \"main.lisp\")"]);
        let function = if age_of_fasl == 0 {
            function
        } else {
            function.file("main.lisp", "(defun handler (d h) d h \"new source\")")
        };
        let time = SystemTime::now() - Duration::from_secs(age_of_fasl);
        File::options().append(true).open(function.path("main.fasl")).unwrap().set_modified(time).unwrap();
        File::options()
            .append(true)
            .open(function.path("main.lisp"))
            .unwrap()
            .set_modified(SystemTime::now() - Duration::from_secs(30))
            .unwrap();
        assert_eq!(function.start().text(""), answer);
    }
}

#[test]
fn takes_the_source_of_a_fasl_of_the_same_time() {
    needs!(sbcl);
    for handler in ["main.handler", "main.lisp.handler"] {
        let function = lisp("(defun handler (d h) d h \"old source\")");
        evaluate(&function, &[], &["(compile-file \"main.lisp\")"]);
        let function = function.file("main.lisp", "(defun handler (d h) d h \"new source\")").handler(handler);
        for file in ["main.fasl", "main.lisp"] {
            let file = File::options().append(true).open(function.path(file)).unwrap();
            file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
        }
        let function = function.start();
        for _ in 0..2 {
            assert_eq!(function.text(""), "new source");
        }
    }
}

#[test]
fn loads_a_fasl_alone() {
    needs!(sbcl);
    let function = lisp("(defun handler (d h) d h \"compiled\")");
    evaluate(&function, &[], &["(compile-file \"main.lisp\")", "(delete-file \"main.lisp\")"]);
    assert_eq!(function.start().text(""), "compiled");
}

#[test]
fn evaluates_forms_in_their_order() {
    needs!(sbcl);
    let files = [("h.lisp", "(defpackage :pkg (:use :cl)) (in-package :pkg) (defun f (d h) h (reverse d))")];
    for (handler, answer) in [
        ("(constantly\"hi\")", "hi"),
        ("(load\"h.lisp\")'pkg::f", "cba"),
        ("(load \"h.lisp\") #'pkg::f", "cba"),
        ("(defun g (d h) h (string-upcase d)) 'g", "ABC"),
        ("'cl-user::identity2 (defun identity2 (d h) h d)", "abc"),
        ("(lambda (data headers) (declare (ignore headers)) data)", "abc"),
    ] {
        assert_eq!(lisp_files(&files).handler(handler).start().text("abc"), answer, "{handler}");
    }
}

#[test]
fn calls_main_of_a_script_with_the_event_on_standard_input() {
    needs!(sbcl);
    let main = "(defun main (&rest argv) (format t \"~a ~s~%\" (read-line) argv) 42)";
    let package = "(defpackage :ros.script.1 (:use :cl)) (in-package :ros.script.1)";
    let shell = "#!/bin/sh\n#|-*- mode:lisp -*-|#\n#|\nexec ros -Q -- $0 \"$@\"\n|#\n(progn (ros:ensure-asdf) \
                 #+quicklisp(ql:quickload '() :silent t))\n";
    let comment = "#|-*- mode:lisp -*-|#\n#|<ros>\nexec ros -Q -- $0 \"$@\"\n|#\n";
    for (file, text) in [
        ("echo.ros", format!("{shell}{package}{main};;; vim: set ft=lisp lisp:\n")),
        ("echo.ros", format!("{comment}{package}{main}")),
        ("script.lisp", main.to_owned()),
        ("bin/script.lisp", format!("{package}{main}")),
    ] {
        let function = lisp_files(&[(file, &text)]).handler(file).start();
        assert_eq!(function.text("one\ntwo"), "one NIL\n", "{text}");
        assert_eq!(function.text("ä"), "ä NIL\n", "{text}");
    }
}

#[test]
fn runs_the_samples() {
    needs!(sbcl);
    for (file, handler, answer) in [
        ("simple_handler.lisp", "simple_handler.simple-handler", "a simple handler was called with: [1]"),
        ("simple_handler.lisp", "simple_handler.cl-user::simple-handler", "a simple handler was called with: [1]"),
        ("echo.ros", "echo.ros", "[1]"),
        ("upcase.lisp", "upcase.lisp", "[1]"),
        (
            "simple_handler.lisp",
            "(load\"simple_handler.lisp\")'simple-handler",
            "a simple handler was called with: [1]",
        ),
    ] {
        let function = lisp_files(&[]).copy(&format!("function/{file}"), file).handler(handler).start();
        assert_eq!(function.text("[1]"), answer, "{handler}");
    }
}

#[test]
fn answers_one_event_without_lambda() {
    needs!(sbcl);
    let output = lisp(
        "(defun handler (data headers) (format t \"hello log~%\") \
                       (format nil \"~a ~a\" data (cdr (assoc :content-type headers))))",
    )
    .once("{}", b"");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "{} application/json\n");
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(log.starts_with("hello log\nREPORT "), "{log}");
    assert!(output.status.success());
}
