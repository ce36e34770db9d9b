//! Lisp: hooks are functions in two lists.

use crate::{lisp::lisp, support::Function};

const HOOKS: &str = "(defvar *order* '())\n\
    (defun note (what) (lambda () (format t \"~A~%\" what) (push what *order*)))\n\
    (push (note \"before 1\") aws-lambda-runtime:*before-checkpoint-hooks*)\n\
    (push (note \"before 2\") aws-lambda-runtime:*before-checkpoint-hooks*)\n\
    (push (note \"after 1\") aws-lambda-runtime:*after-restore-hooks*)\n\
    (push (note \"after 2\") aws-lambda-runtime:*after-restore-hooks*)\n\
    (defun handler (d h) d h (format nil \"~{~A~^, ~}\" (reverse *order*)))";

fn failing(text: &str) -> Function {
    lisp(&format!("(defun inner (x) (error \"no database ~A\" x))\n{text}\n(defun handler (d h) d h)")).snapstart()
}

#[test]
fn hooks_run_as_they_are_ordered() {
    needs!(sbcl);
    let function = lisp(HOOKS).snapstart().start();
    function.api.wait_for_checkpoint();
    assert_eq!(function.log(), "before 2\nbefore 1\n");
    let function = function.restored();
    assert_eq!(function.text("{}"), "before 2, before 1, after 1, after 2");
    assert_eq!(function.log(), "before 2\nbefore 1\nafter 1\nafter 2\n");
    assert_eq!(lisp(HOOKS).start().text("{}"), "", "without SnapStart");
}

#[test]
fn a_hook_that_exits_is_an_error() {
    needs!(sbcl);
    let hook = "(push (lambda () (sb-ext:exit :code 3 :abort t)) aws-lambda-runtime:*after-restore-hooks*)";
    let error = failing(hook).start().restored().restore_error();
    assert_eq!(error.kind, "Function.ExitStatus");
    assert_eq!(error.message, "a hook after the restore ended with status 3");
}
