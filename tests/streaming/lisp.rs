//! Streamed answers of Lisp handlers: scripts and functions that write to standard output, and all others, whose answer
//! goes out at once.

use super::{assert_waits_for_its_reader, late_error, streaming};
use crate::support::{Event, Function, processes};

const SCRIPT: &str = r#"
(defun main ()
  (let ((event (read-line)))
    (format t "first~%")
    (loop until (probe-file "go") do (sleep 0.01))
    (write-string "second")
    (cond ((string= event "fail") (error "no more"))
          ((string= event "quit") (uiop:quit 3))
          ((string= event "exit") (finish-output) (sb-ext:exit :code 4 :abort t)))
    (write-sequence (map '(vector (unsigned-byte 8)) #'identity '(0 255 10 10)) *standard-output*)))
"#;

#[test]
fn a_script_is_seen_line_by_line_and_byte_for_byte() {
    needs!(sbcl);
    let function = streaming(Function::with(&[("app.lisp", SCRIPT)]).handler("app.lisp"));
    for number in 0..2 {
        let _ = std::fs::remove_file(function.task_root.path().join("go"));
        let id = function.api.send(Event::new("{}"));
        assert_eq!(function.api.wait_for_chunk(2 * number + 1).bytes, b"first\n");
        std::fs::write(function.task_root.path().join("go"), "").unwrap();
        assert_eq!(function.api.wait(&id).body, b"first\nsecond\0\xff\n\n");
    }
}

#[test]
fn errors_and_ends_of_a_script_stand_behind_what_it_has_written() {
    needs!(sbcl);
    let function = streaming(Function::with(&[("app.lisp", SCRIPT), ("go", "")]).handler("app.lisp"));
    for (event, kind, message) in [
        ("fail", "SIMPLE-ERROR", "no more"),
        ("quit", "Function.ExitStatus", "status 3"),
        ("exit", "Runtime.WorkerExited", "exit status: 4"),
    ] {
        let post = function.post(Event::new(event));
        assert_eq!(String::from_utf8_lossy(&post.body), "first\nsecond", "{event}");
        let error = late_error(&post);
        assert_eq!(error.0, kind);
        assert!(error.1.contains(message), "{error:?}");
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
    let function = || {
        Function::with(&[("app.lisp", code)])
            .handler("app.handler")
            .env("SCRIPT_RUNTIME_LISP_CONVENTION", "stream")
    };
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

#[test]
fn memory_stays_flat_and_a_slow_reader_slows_the_handler() {
    needs!(sbcl);
    let code = r#"
        (defun main ()
          (let ((line (make-string 65535 :initial-element #\x)))
            (dotimes (count (parse-integer (read-line)))
              (write-line line)
              (with-open-file (out "written" :direction :output :if-exists :supersede)
                (print count out)))))"#;
    let function = streaming(Function::with(&[("app.lisp", code)]).handler("app.lisp"));
    assert_eq!(function.answer("1").len(), 65536);
    let before = processes::peak(function.pid());
    assert_eq!(function.answer("3200").len(), 3200 * 65536);
    let grown = processes::peak(function.pid()) - before;
    assert!(grown < 4096, "{grown} KiB");

    assert_waits_for_its_reader(&function, "script");
}
