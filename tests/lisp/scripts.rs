//! Scripts: standard input and output are SBCL's own kind of stream, and an exit is an exit.

use super::lisp_files;
use crate::support::Running;

/// A script with this main function.
fn script(text: &str) -> Running {
    lisp_files(&[("job.lisp", text)]).handler("job.lisp").start()
}

#[test]
fn standard_streams_take_characters_and_octets() {
    needs!(sbcl);
    for (body, event, answer) in [
        (
            "(write-sequence (make-array 4 :element-type '(unsigned-byte 8) :initial-contents '(0 255 128 65)) *standard-output*)",
            &b"{}"[..],
            &[0, 255, 128, 65][..],
        ),
        (
            "(loop for byte = (read-byte *standard-input* nil) while byte do (write-byte byte *standard-output*))",
            b"\0\xff\xc3\xa4\n",
            b"\0\xff\xc3\xa4\n",
        ),
        (
            "(write-string (read-line)) (write-byte 10 *standard-output*) (write-byte (read-byte *standard-input*) *standard-output*)",
            b"\xc3\xa4b\n\xff",
            b"\xc3\xa4b\n\xff",
        ),
        (
            "(let ((text (make-string 3))) (read-sequence text *standard-input*) (write-string (reverse text)))",
            b"abc",
            b"cba",
        ),
        ("(format t \"~a\" (read))", b"(1 2)", b"(1 2)"),
        ("(princ (eq (read-char *standard-input* nil :end) :end))", b"", b"T"),
    ] {
        let function = script(&format!("(defun main () {body})"));
        for _ in 0..3 {
            assert_eq!(function.answer(event), answer, "{body}");
        }
    }
}

#[test]
fn what_threads_print_and_are_joined_is_the_answer() {
    needs!(sbcl);
    let code = "(defun main ()\n  (let ((threads (loop for i below 3 collect (let ((i i)) (sb-thread:make-thread (lambda () (sleep (* i 0.05)) (format t \"thread ~d~%\" i)))))))\n    \
                (mapc #'sb-thread:join-thread threads)\n    (write-line \"done\")))";
    let function = script(code);
    for _ in 0..2 {
        assert_eq!(function.text("{}"), "thread 0\nthread 1\nthread 2\ndone\n");
    }
    assert_eq!(function.log(), "");
}

#[test]
fn an_exit_ends_the_event_and_not_the_worker() {
    needs!(sbcl);
    let code = "(defun main ()\n  (write-string \"so far\")\n  (format *error-output* \"noted~%\")\n  \
                (let ((code (read)))\n    (unwind-protect\n      (case code (0 (uiop:quit 0)) (1 (sb-ext:exit :code 0)) (2 (sb-ext:exit)) (t (uiop:quit code)))\n      \
                (format *error-output* \"cleaned~%\"))))";
    let function = script(code);
    assert_eq!(function.text("0"), "so far");
    let worker = function.children();
    // the system takes eight bits of a status
    for event in ["0", "1", "2", "256"] {
        assert_eq!(function.text(event), "so far", "{event}");
    }
    for _ in 0..2 {
        let error = function.error("3");
        assert_eq!(error.kind, "Function.ExitStatus");
        assert_eq!(error.message, "the handler ended with status 3: noted\ncleaned");
        assert_eq!(function.text("0"), "so far");
    }
    assert_eq!(function.children(), worker);
}

#[test]
fn scripts_of_cl_launch_and_roswell_run_unchanged() {
    needs!(sbcl);
    for (name, text) in [
        ("a.lisp", "#!/usr/bin/cl -E main\n(defun main (argv) (format t \"~s ~a\" argv (read-line)))\n"),
        (
            "b.lisp",
            "\":\" ; exec cl-launch -Q -sp main -- \"$0\" ${1+\"$@\"}\n(defun main (argv) (format t \"~s ~a\" argv (read-line)))\n",
        ),
        (
            "c.ros",
            "#!/bin/sh\n#|-*- mode:lisp -*-|#\n#|\nexec ros -Q -- $0 \"$@\"\n|#\n(defun main (&rest argv) (format t \"~s ~a\" argv (read-line)))\n",
        ),
        ("d.lisp", "#!/usr/bin/sbcl --script\n(defun main () (format t \"~s ~a\" nil (read-line)))\n"),
    ] {
        let function = lisp_files(&[(name, text)]).handler(name).start();
        for _ in 0..2 {
            assert_eq!(function.text("line"), "NIL line", "{name}");
        }
    }
}
