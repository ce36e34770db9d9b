//! The package `durable` of Common Lisp: its operations on the stand-in of the service.

mod errors;
mod handlers;
mod operations;
mod suspension;
mod values;

use super::{
    execution::{Deeds, End, Execution},
    service::Service,
};
use crate::{lisp::lisp_files, support::Function};

/// The beginning of each file. `did` notes what is really done.
const HEAD: &str = r#"
(defpackage flow (:use :cl :durable) (:export #:handler))
(in-package :flow)
(defvar *events* 0)
(defun did (format &rest arguments)
  (with-open-file (stream (sb-ext:posix-getenv "DEEDS") :direction :output :if-exists :append :if-does-not-exist :create)
    (format stream "~?~%" format arguments)))
"#;

/// A handler of these forms. They see the `event`.
fn function(forms: &str, deeds: &Deeds) -> Function {
    function_with("", forms, deeds)
}

/// The same behind these definitions.
fn function_with(definitions: &str, forms: &str, deeds: &Deeds) -> Function {
    let text = format!(
        "{HEAD}{definitions}(defun handler (event) (if (string= event \"fine\") event (progn (incf *events*)\n{forms}\n)))\n"
    );
    lisp_files(&[("main.lisp", &text)]).handler("main.flow:handler").env("DEEDS", &deeds.path())
}

/// Runs a handler of these forms to the end of its execution.
fn run<'a>(forms: &'a str, deeds: &'a Deeds) -> (Execution<'a>, End) {
    run_with("", forms, deeds)
}

/// The same behind these definitions.
fn run_with<'a>(definitions: &'a str, forms: &'a str, deeds: &'a Deeds) -> (Execution<'a>, End) {
    let mut execution = Execution::of(Service::start(), move || function_with(definitions, forms, deeds));
    let end = execution.run("input");
    execution.recovers();
    (execution, end)
}

fn succeeded(result: &str) -> End {
    End::Succeeded(result.to_owned())
}
