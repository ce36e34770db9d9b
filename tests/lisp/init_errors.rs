//! Handlers that cannot be loaded: what is told, and what to do.

use std::process::Command;

use super::{evaluate, lisp, lisp_files};
use crate::support::{CallerError, Function};

fn error_of(text: &str, handler: &str) -> CallerError {
    lisp_files(&[("main.lisp", text)]).handler(handler).init_error()
}

fn sbcl_version() -> String {
    let output = Command::new("sbcl").arg("--version").output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim_start_matches("SBCL ").trim_end().to_owned()
}

#[test]
fn a_form_that_does_not_end_is_shown_with_its_line() {
    needs!(sbcl);
    let error = error_of("(defvar *a* 1)\n\n(defun handler (d h)\n  (list d h)\n", "main.handler");
    assert_eq!(error.kind, "Runtime.HandlerLoadFailed");
    assert!(error.message.starts_with("`main.lisp` could not be loaded, line 3: "), "{}", error.message);
    assert!(error.message.contains("end of file"), "{}", error.message);
}

#[test]
fn the_readers_message_is_shown_with_the_place_and_without_frames() {
    needs!(sbcl);
    let head = "(defvar *a* 1)\n\n(defun helper (d)\n  d)\n";
    for (text, line, message) in [
        ("(defun main (d)\n  (list d)\n", 5, "end of file inside of this form: close its parentheses and quotes"),
        ("(print \"open)\n(defun main ())\n", 5, "end of file inside of this form: close its parentheses and quotes"),
        ("#| open\n", 5, "end of file inside of this form: close its parentheses and quotes"),
        ("(defun main (d)\n  d))\n(print 1)\n", 6, "unmatched close parenthesis"),
        ("(defun main (d)\n  (nowhere:parse d))\n", 6, "Package NOWHERE does not exist."),
        ("(defun main (d)\n  (cl:parse d))\n", 6, "Symbol \"PARSE\" not found in the COMMON-LISP package."),
        (
            "(defun main (d)\n  (sb-impl:eval-in-lexenv d))\n",
            6,
            "The symbol \"EVAL-IN-LEXENV\" is not external in the SB-IMPL package.",
        ),
        ("(defun main (d)\n  #<broken>)\n", 6, "illegal sharp macro character: #\\<"),
        ("(defun main (d)\n  #\\Nonsense)\n", 6, "unrecognized character name: \"Nonsense\""),
    ] {
        let text = head.to_owned() + text;
        for (file, handler) in [("main.lisp", "main.main"), ("main.lisp", "main.lisp"), ("a/b.ros", "a/b.ros")] {
            let file = if handler.starts_with('a') { "a/b.ros" } else { file };
            for _ in 0..2 {
                let error = lisp_files(&[(file, &text)]).handler(handler).init_error();
                assert_eq!(error.kind, "Runtime.HandlerLoadFailed");
                assert_eq!(error.message, format!("`{file}` could not be loaded, line {line}: {message}"));
                assert_eq!(error.stack, [""; 0]);
            }
        }
    }
}

#[test]
fn an_error_in_a_file_that_is_loaded_by_another_is_shown_with_both_places() {
    needs!(sbcl);
    for (library, message) in [
        (
            "(defvar *a* 1)\n(defvar *b* (list 1)\n",
            "line 2: `lib.lisp`, line 2: end of file inside of this form: close its parentheses and quotes",
        ),
        ("\n(nowhere:f)\n", "line 2: `lib.lisp`, line 2: Package NOWHERE does not exist."),
    ] {
        let main = "(defvar *here* 1)\n(load \"lib.lisp\")\n(defun handler (e) e)\n";
        let error = lisp_files(&[("main.lisp", main), ("lib.lisp", library)]).handler("main.handler").init_error();
        assert_eq!(error.message, format!("`main.lisp` could not be loaded, {message}"));
    }
}

#[test]
fn a_call_of_main_at_the_end_runs_as_in_a_terminal() {
    needs!(sbcl);
    let main = "(defun main (&rest arguments)\n  (declare (ignore arguments))\n  (let ((line (read-line *standard-input* nil \"nothing\")))\n    (format t \"got ~a\" line)))\n";
    for end in [
        "(main)",
        "(main)\n(sb-ext:exit)",
        "(main sb-ext:*posix-argv*)\n(uiop:quit 0)",
        "(handler-case (main) (error () (uiop:quit 1)))",
        "(eval-when (:execute) (main))",
        "(defpackage :other (:use :cl))\n(main)",
    ] {
        let function = lisp_files(&[("job.lisp", &format!("{main}{end}\n"))]).handler("job.lisp").start();
        for _ in 0..2 {
            assert_eq!(function.text("text"), "got text", "{end}");
        }
        assert_eq!(function.log(), "got nothing", "{end}");
    }
    let advice = "the runtime calls `main` for each event: leave the call out of the file";
    let reads = "(defun main () (princ (read-line)))\n";
    for (end, reason) in [
        ("(main)", "END-OF-FILE: end of file on #<SYNONYM-STREAM :SYMBOL SB-SYS:*STDIN* "),
        ("(progn\n  (main))", "END-OF-FILE: end of file on #<SYNONYM-STREAM :SYMBOL SB-SYS:*STDIN* "),
        ("(handler-case (main) (error () (uiop:quit 3)))", "it exits with status 3"),
    ] {
        let error = lisp_files(&[("job.lisp", &format!("{reads}\n{end}\n"))]).handler("job.lisp").init_error();
        assert_eq!(error.kind, "Runtime.HandlerLoadFailed");
        let begin = format!("`job.lisp` could not be loaded, line 3: {reason}");
        assert!(error.message.starts_with(&begin), "{end}: {}", error.message);
        assert!(error.message.ends_with(&format!("; {advice}")), "{end}: {}", error.message);
    }
    let error = lisp_files(&[("job.lisp", "(defun main ())\n(error \"other\")\n")]).handler("job.lisp").init_error();
    assert_eq!(error.message, "`job.lisp` could not be loaded, line 2: SIMPLE-ERROR: other");
}

#[test]
fn an_error_while_loading_is_shown_with_its_line() {
    needs!(sbcl);
    for (file, handler) in [("main.lisp", "main.handler"), ("main.lisp", "main.lisp"), ("main.ros", "main.ros")] {
        let text = "#|\nä |#\n(defvar *a* \"€\")\n(error \"cannot ~a\" 'start)\n(defun main () 1)";
        let error = lisp_files(&[(file, text)]).handler(handler).init_error();
        assert_eq!(error.kind, "Runtime.HandlerLoadFailed");
        assert_eq!(error.message, format!("`{file}` could not be loaded, line 4: SIMPLE-ERROR: cannot START"));
        assert!(!error.json.to_string().contains("LAMBDA-SCRIPT-RUNTIME"), "{}", error.json);
    }
}

#[test]
fn a_missing_package_is_shown_with_its_line() {
    needs!(sbcl);
    let error = error_of("\n(defun handler (d h) (nowhere:parse d) h)", "main.handler");
    assert_eq!(error.kind, "Runtime.HandlerLoadFailed");
    assert!(error.message.starts_with("`main.lisp` could not be loaded, line 2: "), "{}", error.message);
    assert!(error.message.contains("Package NOWHERE does not exist."), "{}", error.message);
}

#[test]
fn a_handlers_text_that_cannot_be_read_is_shown_with_the_place() {
    needs!(sbcl);
    for (handler, what) in [
        (
            "(load \"main.lisp\" 'x",
            "cannot be read at character 20: it ends inside of a form: close its parentheses and quotes",
        ),
        ("(list) 'nowhere::f", "cannot be read at character 18: Package NOWHERE does not exist."),
        ("'cl:nothing", "cannot be read at character 11: "),
        ("())", "cannot be read at character 3: unmatched close parenthesis"),
    ] {
        let error = error_of("", handler);
        assert_eq!(error.kind, "Runtime.InvalidHandler");
        let begin = format!("handler `{handler}`: `{handler}` {what}");
        assert!(error.message.starts_with(&begin), "{}", error.message);
    }
    let error = error_of("", "main.nowhere::f");
    assert_eq!(error.kind, "Runtime.InvalidHandler");
    assert_eq!(
        error.message,
        "handler `main.nowhere::f`: `nowhere::f` cannot be read at character 10: Package NOWHERE does not exist."
    );
}

#[test]
fn what_is_no_function_is_shown() {
    needs!(sbcl);
    for (handler, what) in [
        ("(+ 1 2)", "it gives 3, which is no function: end it with a function, or with its quoted name"),
        ("(list)", "it gives NIL, which is no function: end it with a function, or with its quoted name"),
        ("main.12", "`12` is not the name of a function"),
        ("main.a b", "`a b` is not the name of a function"),
    ] {
        let error = error_of("", handler);
        assert_eq!(error.kind, "Runtime.InvalidHandler");
        assert_eq!(error.message, format!("handler `{handler}`: {what}"));
    }
}

#[test]
fn a_function_that_is_not_defined_is_named_with_those_that_may_be_meant() {
    needs!(sbcl);
    let text = "(defpackage :shop (:use :cl)) (in-package :shop) (defun order (d h) d h) (defmacro macro () nil)";
    let error = error_of(text, "main.order");
    assert_eq!(error.kind, "Runtime.HandlerNotFound");
    assert_eq!(
        error.message,
        "handler `main.order`: there is no function ORDER in the package COMMON-LISP-USER; there is \
         `shop::order`: name that one"
    );
    for (handler, name, package) in [
        ("main.shop::macro", "MACRO", "SHOP"),
        ("main.lisp", "MAIN", "SHOP"),
        ("'missing", "MISSING", "COMMON-LISP-USER"),
    ] {
        let error = error_of(text, handler);
        assert_eq!(error.kind, "Runtime.HandlerNotFound");
        let message = format!("handler `{handler}`: there is no function {name} in the package {package}");
        assert!(error.message.starts_with(&message), "{}", error.message);
    }
}

#[test]
fn a_name_that_is_no_function_is_told_in_true_sentences() {
    needs!(sbcl);
    for (text, handler, message) in [
        (
            "(defmacro f (x) x)",
            "main.f",
            "there is no function F in the package COMMON-LISP-USER: `f` is a macro; name a function, as one that calls it",
        ),
        (
            "",
            "main.if",
            "there is no function IF in the package COMMON-LISP: `if` is a special operator; name a function",
        ),
        (
            "",
            "main.f",
            "there is no function F in the package COMMON-LISP-USER, and no other: the file defines none in it",
        ),
        (
            "(defvar f 1)",
            "main.f",
            "there is no function F in the package COMMON-LISP-USER, and no other: the file defines none in it",
        ),
        (
            "(defun g (x) x) (defun h (x) x)",
            "main.f",
            "there is no function F in the package COMMON-LISP-USER; there is `g`, `h`: name one of them",
        ),
        (
            "(defun g (x) x)",
            "main.f",
            "there is no function F in the package COMMON-LISP-USER; there is `g`: name that one",
        ),
        (
            "(defpackage :a (:use :cl)) (in-package :a) (defmacro f (x) x)",
            "main.f",
            "there is no function F in the package COMMON-LISP-USER, and no other: the file defines none in it",
        ),
    ] {
        for _ in 0..2 {
            let error = error_of(text, handler);
            assert_eq!(error.kind, "Runtime.HandlerNotFound");
            assert_eq!(error.message, format!("handler `{handler}`: {message}"), "{text}");
        }
    }
}

#[test]
fn an_error_in_forms_is_shown() {
    needs!(sbcl);
    let error = error_of("", "(load\"nowhere.lisp\")'f");
    assert_eq!(error.kind, "Runtime.HandlerLoadFailed");
    assert!(error.message.starts_with("`(load\"nowhere.lisp\")'f` could not be loaded: "), "{}", error.message);
    assert!(error.message.contains("nowhere.lisp"), "{}", error.message);
}

#[test]
fn a_fasl_of_another_sbcl_says_so() {
    needs!(sbcl);
    let function = lisp("(defun handler (d h) d h \"old\")");
    evaluate(&function, &[], &["(compile-file \"main.lisp\")", "(delete-file \"main.lisp\")"]);
    let fasl = function.path("main.fasl");
    let mut bytes = std::fs::read(&fasl).unwrap();
    let version = sbcl_version();
    let places: Vec<_> = (0..bytes.len()).filter(|&place| bytes[place..].starts_with(version.as_bytes())).collect();
    // one for people, one for SBCL
    assert!(places.len() > 1, "{places:?}");
    for place in places {
        bytes[place] = b'9';
    }
    std::fs::write(&fasl, bytes).unwrap();
    let error = function.init_error();
    assert_eq!(error.kind, "Runtime.HandlerLoadFailed");
    let begin = format!("`main.fasl` was not compiled by this SBCL, {}: ", sbcl_version());
    assert!(error.message.starts_with(&begin), "{}", error.message);
    assert!(error.message.contains("compile it again with this one"), "{}", error.message);
}

#[test]
fn a_file_that_ends_sbcl_says_so() {
    needs!(sbcl);
    let error = error_of("(format t \"giving up~%\") (sb-ext:exit :code 4)", "main.handler");
    assert_eq!(error.kind, "Runtime.HandlerLoadFailed");
    assert_eq!(error.message, "`main.handler` could not be loaded (exit status: 4): giving up");
    let silent = lisp("(sb-ext:exit :code 4)").init_error().message;
    let said = "its file ends the process, for example by `exit`";
    assert_eq!(silent, format!("`main.handler` could not be loaded: {said} (exit status: 4)"));
}

#[test]
fn an_unknown_convention_is_refused() {
    let error = Function::with(&[("main.lisp", "")])
        .handler("main.handler")
        .env("SCRIPT_RUNTIME_LISP_CONVENTION", "json")
        .init_error();
    assert_eq!(error.kind, "Runtime.InvalidConfiguration");
    assert_eq!(
        error.message,
        "`SCRIPT_RUNTIME_LISP_CONVENTION` is `json`: it takes `string`, `standard-io`, `octets`, `stream`, `jsown` or `yason`"
    );
}

#[test]
fn no_sbcl_on_the_path_says_so() {
    let error = Function::with(&[("main.lisp", "")])
        .handler("main.handler")
        .without_env("SCRIPT_RUNTIME_LISP_CORE")
        .env("PATH", "/nonexistent")
        .init_error();
    assert_eq!(error.kind, "Runtime.InterpreterNotFound");
    assert_eq!(
        error.message,
        "`sbcl` is not on the PATH (`/nonexistent`): a Common Lisp handler needs it in the image"
    );
}
