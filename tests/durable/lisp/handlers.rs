//! All kinds of Lisp handlers, with the shim in the core and from its source; the package `durable`.

use super::{Deeds, Execution, HEAD, Service, run, succeeded};
use crate::{
    lisp::{lisp, lisp_files},
    support::Function,
};

/// The operations of each of these handlers. `ANSWER` takes the place of what is done with the result.
const FLOW: &str = "(let ((value (durable:durable-step \"s\" (did \"step\") (list 1 \"a\"))))
                      (durable:durable-wait 60)
                      (durable:durable-context \"c\" (durable:durable-wait 60))
                      (format nil \"~S ~A\" value (durable:durable-step \"t\" (did \"last\") 2)))";

fn runs(name: &str, make: impl Fn(&str) -> Function) {
    let deeds = Deeds::new();
    let path = deeds.path();
    let mut execution = Execution::of(Service::start(), || make(FLOW).env("DEEDS", &path));
    let end = execution.run("input");
    assert_eq!(end, succeeded("(1 \"a\") 2"), "{name}: {}", execution.log());
    assert_eq!(execution.invocations, ["PENDING", "PENDING", "SUCCEEDED"], "{name}");
    assert_eq!(deeds.all(), ["step", "last"], "{name}");
}

#[test]
fn handlers_of_all_conventions_are_durable() {
    needs!(sbcl);
    let convention = |convention: &'static str, body: &'static str| {
        move |flow: &str| {
            let text = format!(
                "{HEAD}(defun handler (event headers) (declare (ignorable event headers)) {})",
                body.replace("FLOW", flow)
            );
            lisp_files(&[("main.lisp", &text)])
                .handler("main.flow:handler")
                .env("SCRIPT_RUNTIME_LISP_CONVENTION", convention)
        }
    };
    runs("string", convention("string", "FLOW"));
    runs("octets", convention("octets", "(sb-ext:string-to-octets FLOW)"));
    runs("stream", convention("stream", "(write-string FLOW)"));
    let file = format!("{HEAD}(defun main () (write-string {FLOW}))");
    runs("standard-io", |_| lisp_files(&[("main.lisp", &file)]).handler("main.lisp"));
    let ros = format!(
        "#!/bin/sh\n#|-*- mode:lisp -*-|#\n#|\nexec ros -Q -- $0 \"$@\"\n|#\n{HEAD}(defun main (&rest argv) argv (write-string {FLOW}))"
    );
    runs("ros", |_| lisp_files(&[("main.ros", &ros)]).handler("main.ros"));
    let forms = format!("(load \"head.lisp\") (lambda (event) event {})", FLOW.replace("(did ", "(flow::did "));
    runs("forms", |_| lisp_files(&[("head.lisp", HEAD)]).handler(&forms));
}

#[test]
fn the_shim_works_from_its_source() {
    needs!(sbcl);
    runs("source", |flow| {
        let text = format!("{HEAD}(defun handler (event) event {flow})");
        Function::with(&[("main.lisp", &text)]).handler("main.flow:handler").without_env("SCRIPT_RUNTIME_LISP_CORE")
    });
}

#[test]
fn the_package_exports_the_interface_alone() {
    needs!(sbcl);
    let running = lisp(
        "(defun handler (event) event
           (let ((names '()))
             (do-external-symbols (symbol :durable) (push (string-downcase symbol) names))
             (assert (notany (lambda (name) (find-symbol (string-upcase name) :cl-user)) names))
             (format nil \"~{~A~^ ~}\" (sort names #'string<))))",
    )
    .start();
    assert_eq!(
        running.text(""),
        "durable-attempt durable-callback durable-callback-id durable-callback-result durable-context durable-fail \
         durable-failed durable-failed-data durable-failed-message durable-failed-name durable-failed-type \
         durable-invoke durable-refused durable-replaying-p durable-step durable-until durable-wait suspending-p"
    );
}

#[test]
fn wrong_options_are_refused_when_the_file_is_loaded() {
    needs!(sbcl);
    for (form, message) in [
        (
            "(durable:durable-step \"s\" :retries 2 1)",
            "DURABLE:DURABLE-STEP has no option :RETRIES: it has :RETRY, :BACKOFF, :RATE, :MAX-DELAY, :AT-MOST-ONCE",
        ),
        ("(durable:durable-until \"s\" (state) 1)", "DURABLE:DURABLE-UNTIL needs the option :EVERY"),
        (
            "(durable:durable-callback \"s\" 1)",
            "DURABLE:DURABLE-CALLBACK has a list of one variable in front of its body, not 1",
        ),
    ] {
        let error = lisp(&format!("(defun handler (event) event {form})")).start().error("");
        assert!(error.message.contains(message), "{form}: {}", error.message);
    }
}

#[test]
fn a_handler_may_have_a_package_of_its_own_named_durable() {
    needs!(sbcl);
    let own = "(defpackage :durable (:use :cl) (:export :answer)) (in-package :durable) (defun answer () \"own\") (in-package :cl-user)";
    // SBCL warns that the package has other symbols, unless it is another one
    for (rename, warnings) in [("", 1), ("(rename-package :durable :lambda-durable)", 0)] {
        let text = format!("{rename} {own} (defun handler (event) event (durable:answer))");
        let running = lisp(&text).start();
        assert_eq!(running.text(""), "own");
        let log = running.log();
        assert_eq!(log.matches("DURABLE also exports").count(), warnings, "{log}");
    }
    let text = format!(
        "(rename-package :durable :lambda-durable) {own} (defun handler (event) event (lambda-durable:durable-step \"s\" (durable:answer)))"
    );
    let mut execution = Execution::of(Service::start(), || lisp(&text));
    assert_eq!(execution.run("input"), succeeded("own"), "{}", execution.log());
}

#[test]
fn the_command_is_refused() {
    needs!(sbcl);
    let deeds = Deeds::new();
    let forms = "(multiple-value-bind (output errors status) (uiop:run-program \"durable wait 5s\" :ignore-error-status t :error-output :string)
                   (declare (ignore output)) (format nil \"~A ~A\" status errors))";
    let (execution, end) = run(forms, &deeds);
    let message = "70 durable: the command `durable` is for Bash and programs: use the package `durable`: `durable-step`, `durable-wait` and so on here\n";
    assert_eq!(end, succeeded(message), "{}", execution.log());
}
