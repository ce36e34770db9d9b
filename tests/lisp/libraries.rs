//! JSON libraries, bundles, fasls with all they need, and what Quicklisp and Roswell are asked for.

use super::{built_core, evaluate, lisp, lisp_files};
use crate::support::{Function, language::core_holds};

/// A system in the task root, in place of the library of that name.
const JSOWN: &str = "(defpackage :jsown (:use :cl) (:export :parse :to-json)) (in-package :jsown) \
                     (defun parse (text) (list :parsed text)) (defun to-json (value) (format nil \"json ~a\" value))";

fn system(name: &str) -> String {
    format!("(defsystem \"{name}\" :components ((:file \"{name}\")))")
}

#[test]
fn parses_and_writes_json_with_jsown() {
    needs!(sbcl);
    let function = lisp("(defun handler (json headers) (list json (consp headers)))")
        .file("jsown.asd", system("jsown"))
        .file("jsown.lisp", JSOWN)
        .env("SCRIPT_RUNTIME_LISP_CONVENTION", "jsown");
    if core_holds("jsown") {
        return;
    }
    assert_eq!(function.start().text("{}"), "json ((PARSED {}) T)");
}

#[test]
fn parses_and_writes_json_with_yason() {
    needs!(sbcl, yason);
    let function = lisp(
        "(defun handler (json headers) headers (setf (gethash \"sum\" json) (reduce #'+ (gethash \"numbers\" json))) json)",
    )
    .env("SCRIPT_RUNTIME_LISP_CONVENTION", "yason")
    .start();
    assert_eq!(function.text(r#"{"numbers":[1,2,39]}"#), r#"{"numbers":[1,2,39],"sum":42}"#);
    assert_eq!(function.error("{").kind, "END-OF-FILE");
    assert_eq!(function.text(r#"{"numbers":[7]}"#), r#"{"numbers":[7],"sum":7}"#);
}

#[test]
fn a_convention_without_its_library_says_so() {
    needs!(sbcl);
    if core_holds("jsown") {
        return;
    }
    let error = lisp("(defun handler (d h) h d)").env("SCRIPT_RUNTIME_LISP_CONVENTION", "jsown").init_error();
    assert_eq!(error.kind, "Runtime.InvalidConfiguration");
    assert_eq!(
        error.message,
        "handler `main.handler`: SCRIPT_RUNTIME_LISP_CONVENTION is `jsown`, and that library is neither in the \
         Lisp core nor in the task root: build a core with it, or ship it in a bundle"
    );
}

/// A system that can stand for a library of the image.
const YASON: &str =
    "(defpackage :yason (:use :cl) (:export :parse)) (in-package :yason) (defun parse (text) (list :parsed text))";

#[test]
fn a_library_of_the_image_is_loaded_at_home_when_a_file_names_its_package() {
    needs!(sbcl);
    for code in [
        "(defun main (event) (princ-to-string (yason:parse event)))",
        "(defun main (event) (princ-to-string (YASON::parse event)))",
        "(defpackage :shop (:use :cl :yason))\n(in-package :shop)\n(defun cl-user::main (event) (princ-to-string (parse event)))",
        "(defpackage :shop (:use :cl) (:import-from #:yason #:parse))\n(in-package :shop)\n(defun cl-user::main (event) (princ-to-string (parse event)))",
        "(defpackage :shop (:use :cl) (:local-nicknames (#:y \"YASON\")))\n(in-package :shop)\n(defun cl-user::main (event) (princ-to-string (y:parse event)))",
        "(asdf:load-system \"yason\")\n(defun main (event) (princ-to-string (yason:parse event)))",
    ] {
        let function = Function::with(&[("job.lisp", code)])
            .file("yason.asd", system("yason"))
            .file("yason.lisp", YASON)
            .handler("job.main")
            .without_env("SCRIPT_RUNTIME_LISP_CORE")
            .start();
        for event in ["1", "2"] {
            assert_eq!(function.text(event), format!("(PARSED {event})"), "{code}");
        }
    }
}

#[test]
fn a_library_that_is_nowhere_is_named_with_the_ways_to_get_it() {
    needs!(sbcl);
    if core_holds("st-json") {
        return;
    }
    for code in [
        "\n(defun main (event) (st-json:read-json event))",
        "\n(defpackage :a (:use :cl :st-json))",
        "\n(ql:quickload :st-json)",
    ] {
        for handler in ["job.main", "job.lisp"] {
            let error = lisp_files(&[("job.lisp", code)]).handler(handler).init_error();
            assert_eq!(error.kind, "Runtime.HandlerLoadFailed");
            assert_eq!(
                error.message,
                "`job.lisp` could not be loaded, line 2: the library `st-json` is not in the Lisp core, and ASDF does not \
                 load it (Component \"st-json\" not found): put its source into `~/common-lisp`, or ship it in a Quicklisp bundle, \
                 `(ql:bundle-systems '(\"st-json\") :to \"FOLDER/\")`, whose `bundle.lisp` the runtime loads first"
            );
        }
    }
}

#[test]
fn loads_a_bundle_before_the_handlers_file() {
    needs!(sbcl);
    let function = lisp("(asdf:load-system :shipped) (defun handler (d h) d h (shipped:f))")
        .file("bundle.lisp", "(push (uiop:subpathname *load-truename* \"software/shipped/\") asdf:*central-registry*)")
        .file("software/shipped/shipped.asd", system("shipped"))
        .file(
            "software/shipped/shipped.lisp",
            "(defpackage :shipped (:use :cl) (:export :f)) (in-package :shipped) (defun f () \"from the bundle\")",
        );
    assert_eq!(function.start().text(""), "from the bundle");
}

#[test]
fn a_handler_may_be_called_bundle() {
    needs!(sbcl);
    let text = "(defvar *loads* 0) (incf *loads*) (defun handler (d h) d h (princ-to-string *loads*))";
    assert_eq!(lisp_files(&[("bundle.lisp", text)]).handler("bundle.handler").start().text(""), "1");
}

#[test]
fn quickload_loads_what_is_there() {
    needs!(sbcl);
    let function = lisp(
        "#+quicklisp (ql:quickload '(:mine) :silent t) #-quicklisp (error \"no quicklisp\") \
         (ql:quickload \"mine\") (defun handler (d h) d h (mine::f))",
    )
    .file("mine.asd", system("mine"))
    .file("mine.lisp", "(defpackage :mine (:use :cl)) (in-package :mine) (defun f () \"mine\")");
    assert_eq!(function.start().text(""), "mine");
    let error = lisp("(ql:quickload :nowhere-to-be-found)").init_error();
    assert_eq!(error.kind, "Runtime.HandlerLoadFailed");
    assert_eq!(
        error.message,
        "`main.lisp` could not be loaded, line 1: ASDF/FIND-COMPONENT:MISSING-COMPONENT: \
         Component :NOWHERE-TO-BE-FOUND not found"
    );
}

/// A system with a dependency, in the directory `source`.
fn with_systems(function: Function) -> Function {
    function
        .file("source/dependency.asd", system("dependency"))
        .file(
            "source/dependency.lisp",
            "(defpackage :dependency (:use :cl)) (in-package :dependency) (defun f () \"all in one\")",
        )
        .file("source/whole.asd", "(defsystem \"whole\" :depends-on (\"dependency\") :components ((:file \"whole\")))")
        .file("source/whole.lisp", "(defun whole-handler (d h) d h (dependency::f))")
}

fn build_monolithic_fasl(function: &Function, options: &[&str]) {
    let central = "(push (truename \"source/\") asdf:*central-registry*)";
    let build = "(aws-lambda-function-util:build-monolithic-fasl :whole \"out\")";
    evaluate(function, options, &[central, build]);
    std::fs::remove_dir_all(function.path("source")).unwrap();
}

#[test]
fn runs_one_fasl_that_holds_all() {
    needs!(sbcl);
    let function = with_systems(lisp_files(&[]));
    build_monolithic_fasl(&function, &["--core", built_core().to_str().unwrap()]);
    let fasl = std::fs::read_dir(function.path("out")).unwrap().next().unwrap().unwrap().file_name();
    let handler = format!("out/{}.whole-handler", fasl.to_str().unwrap());
    assert_eq!(function.handler(handler).start().text(""), "all in one");
}

#[test]
fn loads_the_fasls_beside_a_file() {
    needs!(sbcl);
    let function = with_systems(lisp_files(&[(
        "out/main.lisp",
        "(eval-when (:load-toplevel :execute) (aws-lambda-function-util:load-fasls-in-directory *load-pathname*)) \
         (defun handler (d h) (whole-handler d h))",
    )]));
    build_monolithic_fasl(&function, &["--core", built_core().to_str().unwrap()]);
    assert_eq!(function.handler("out/main.handler").start().text(""), "all in one");
}

#[test]
fn lists_the_systems_that_are_there() {
    needs!(sbcl);
    let function =
        lisp("(defun handler (d h) d h (format nil \"~{~a~%~}\" (aws-lambda-function-util:list-installed-systems)))")
            .start();
    let systems = function.text("");
    assert!(systems.lines().any(|line| line == "asdf") && systems.lines().any(|line| line == "uiop"), "{systems}");
}
