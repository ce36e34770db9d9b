//! Streamed answers of Lisp handlers: scripts and functions that write to standard output, and all others, whose answer
//! goes out at once.

use super::streaming;
use crate::support::{Event, Function};

#[test]
fn a_script_writes_characters_and_bytes() {
    needs!(sbcl);
    let code = r#"
        (defun main ()
          (format t "first~%")
          (write-string "second")
          (write-sequence (map '(vector (unsigned-byte 8)) #'identity '(0 255 10 10)) *standard-output*))"#;
    let function = streaming(Function::with(&[("app.lisp", code)]).handler("app.lisp"));
    for _ in 0..2 {
        assert_eq!(function.answer("{}"), b"first\nsecond\0\xff\n\n");
    }
}

#[test]
fn a_function_streams_under_the_convention_stream() {
    needs!(sbcl);
    let code = r#"
        (defun handler (event headers)
          (declare (ignore headers))
          (format t "a ~A~%" event)
          (loop until (probe-file "go") do (sleep 0.01))
          (format t "b")
          "not this")"#;
    let function =
        || Function::with(&[("app.lisp", code)]).handler("app.handler").env("SCRIPT_RUNTIME_LISP_CONVENTION", "stream");
    let streamed = streaming(function());
    let id = streamed.api.send(Event::new("1"));
    assert_eq!(streamed.api.wait_for_chunk(1).bytes, b"a 1\n");
    std::fs::write(streamed.task_root.path().join("go"), "").unwrap();
    assert_eq!(streamed.api.wait(&id).body, b"a 1\nb");
    assert_eq!(streamed.text("2"), "a 2\nb");
    let buffered = function().file("go", "").start();
    assert_eq!(buffered.text("3"), "a 3\nb");
    assert_eq!(buffered.text("4"), "a 4\nb");
}

#[test]
fn other_answers_go_out_whole_and_may_be_larger_than_buffered_ones() {
    needs!(sbcl);
    let code = "(defun handler (event) (make-string (parse-integer event) :initial-element (code-char 228)))";
    let function = Function::with(&[("app.lisp", code)]).handler("app.handler");
    let function = streaming(function.env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "2048"));
    for size in [0, 1, 100_000, 10_000_000] {
        assert_eq!(function.text(size.to_string()), "\u{e4}".repeat(size));
    }
}
