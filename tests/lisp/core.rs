//! The saved core, and cores that do not fit.

use std::fs;

use super::{build_core, built_core, lisp, lisp_files};
use crate::support::{CallerError, Function};

const HELLO: &str = "(defun handler (d h) d h \"hello\")";

fn with_core(bytes: &[u8]) -> CallerError {
    let function = Function::with(&[("main.lisp", HELLO)]).file("other.core", bytes).handler("main.handler");
    let core = function.path("other.core");
    function.env("SCRIPT_RUNTIME_LISP_CORE", core.to_str().unwrap()).init_error()
}

#[test]
fn a_core_that_is_not_there_says_so() {
    needs!(sbcl);
    let error = lisp(HELLO).env("SCRIPT_RUNTIME_LISP_CORE", "missing.core").init_error();
    assert_eq!(error.kind, "Runtime.InvalidConfiguration");
    assert!(error.message.starts_with("`SCRIPT_RUNTIME_LISP_CORE` is `"), "{}", error.message);
    let end = "missing.core`: it cannot be read: No such file or directory (os error 2); build it again with \
               `make lisp-core`, or unset the variable";
    assert!(error.message.ends_with(end), "{}", error.message);
}

#[test]
fn a_core_that_sbcl_does_not_start_from_says_so() {
    needs!(sbcl);
    let good = fs::read(built_core()).unwrap();
    let mut other = good.clone();
    // the build id of SBCL, the first text in its core
    let id = (8..1024).find(|&place| other[place..place + 8].iter().all(u8::is_ascii_graphic)).unwrap();
    other[id] ^= 1;
    for (bytes, words) in [
        (&b""[..], "premature end of core file"),
        (b"LCBS", "premature end of core file"),
        (b"#!/bin/sh\nexec sbcl\n", "premature end of core file"),
        (&good[..100], "premature end of core file"),
        (&good[..1_000_000], "(signal: "),
        (&other, "core was built for runtime \""),
    ] {
        for _ in 0..2 {
            let error = with_core(bytes);
            assert_eq!(error.kind, "Runtime.InvalidConfiguration");
            let advice = "other.core`: SBCL does not start from it; build it again with `make lisp-core`, or unset the variable (";
            assert!(error.message.contains(advice) && error.message.contains(words), "{}", error.message);
        }
    }
}

#[test]
fn a_core_of_another_bootstrap_says_so() {
    needs!(sbcl);
    let version = lisp("(defun handler (d h) d h lambda-script-runtime::*version*)").start().text("");
    let mut bytes = fs::read(built_core()).unwrap();
    let part = version.as_bytes();
    let places: Vec<_> = (0..bytes.len()).filter(|&place| bytes[place..].starts_with(part)).collect();
    let [place] = places[..] else { panic!("{} places hold the version", places.len()) };
    bytes[place..place + part.len()].copy_from_slice(b"0123456789abcdef");
    let error = with_core(&bytes);
    assert_eq!(error.kind, "Runtime.InvalidConfiguration");
    assert_eq!(
        error.message,
        format!(
            "handler `main.handler`: the Lisp core was built for another version of bootstrap (shim \
             0123456789abcdef, not {version}): build it again with `make lisp-core`, or unset \
             SCRIPT_RUNTIME_LISP_CORE"
        )
    );
}

#[test]
fn a_core_with_systems_of_the_users_own_has_them_at_hand() {
    needs!(sbcl);
    let function = lisp("(defun handler (d h) d h (prog1 (shop:greeting) (asdf:load-system :shop)))")
        .file("src/shop.asd", "(defsystem \"shop\" :components ((:file \"shop\")))")
        .file(
            "src/shop.lisp",
            "(defpackage :shop (:use :cl) (:export :greeting)) (in-package :shop) (defun greeting () \"built in\")",
        );
    let core = function.path("own.core");
    let source = function.path("src");
    let output = build_core(&core, &["shop"], Some(&source));
    assert!(output.contains("the core holds: shop\n"), "{output}");
    fs::remove_dir_all(source).unwrap();
    assert_eq!(function.env("SCRIPT_RUNTIME_LISP_CORE", core.to_str().unwrap()).start().text(""), "built in");
}

#[test]
fn the_heap_follows_the_functions_memory() {
    needs!(sbcl);
    for (memory, workers, heap) in [("128", "1", 96), ("1024", "1", 768), ("1024", "2", 384)] {
        let function = lisp("(defun handler (d h) d h (princ-to-string (ash (sb-ext:dynamic-space-size) -20)))")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", memory)
            .env("AWS_LAMBDA_MAX_CONCURRENCY", workers)
            .start();
        assert_eq!(function.text(""), heap.to_string());
    }
}

#[test]
fn the_largest_event_fits_into_the_least_memory() {
    needs!(sbcl);
    // a string takes four bytes a character, so that 128 MB have no room for several copies of the event
    for (memory, text) in [
        ("128", "(defun handler (data h) h data)"),
        ("256", "(defun handler (data h) h (string-downcase (string-upcase data)))"),
    ] {
        let function = lisp(text).env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", memory).start();
        let event = "x".repeat(6 << 20);
        for _ in 0..10 {
            assert!(function.answer(&event) == event.as_bytes(), "{memory}");
        }
    }
}

#[test]
fn modules_of_sbcl_can_be_required() {
    needs!(sbcl);
    for core in [Some(built_core().to_str().unwrap()), None] {
        let function = Function::with(&[(
            "main.lisp",
            "(require :sb-md5) (defun handler (data h) h (format nil \"~(~{~2,'0x~}~)\" (coerce (sb-md5:md5sum-string data) 'list)))",
        )])
        .handler("main.handler");
        let function = match core {
            Some(core) => function.env("SCRIPT_RUNTIME_LISP_CORE", core),
            None => function.without_env("SCRIPT_RUNTIME_LISP_CORE"),
        };
        assert_eq!(function.start().text("abc"), "900150983cd24fb0d6963f7d28e17f72");
    }
}

#[test]
fn a_core_of_one_home_runs_in_another() {
    needs!(sbcl);
    let system = "(asdf:defsystem \"mine\" :components ((:file \"code\")))";
    let code = "(asdf:load-system \"mine\")\n(defun handler (event) (format uiop:*stderr* \"noted~%\") \
                (format nil \"~a ~a\" event (mine:answer)))";
    let function = lisp_files(&[("main.lisp", code), ("mine.asd", system)])
        .file(
            "code.lisp",
            "(defpackage :mine (:use :cl) (:export :answer))\n(in-package :mine)\n(defun answer () 42)\n",
        )
        .handler("main.handler");
    let home = function.path("home");
    std::fs::create_dir(&home).unwrap();
    let home = home.display().to_string();
    // the core was built with the home of whoever runs the tests
    let function = function.env("HOME", &home).start();
    for _ in 0..2 {
        assert_eq!(function.text("x"), "x 42");
    }
    assert!(std::path::Path::new(&home).join(".cache/common-lisp").exists(), "{}", function.log());
    assert!(function.log().contains("noted\n"), "{}", function.log());
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    needs!(sbcl);
    for (name, handler) in [("main.lisp/inside", "main.handler"), ("main.fasl/inside", "main.handler")] {
        let error = lisp_files(&[(name, "")]).handler(handler).init_error();
        assert_eq!(error.kind, "Runtime.HandlerLoadFailed");
        let file = name.trim_end_matches("/inside");
        assert_eq!(error.message, format!("`{file}` cannot be read: Is a directory (os error 21)"));
    }
}
