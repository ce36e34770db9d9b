//! The arguments and the answers of a handler.

use super::{lisp, lisp_files};
use crate::support::{Event, processes, until};

/// The most that an event or an answer may hold, in bytes.
const LIMIT: usize = 6 * 1024 * 1024;

const ECHO: &str = "(defun handler (data headers) (declare (ignore headers)) data)";

#[test]
fn gives_the_headers_as_an_alist() {
    needs!(sbcl);
    let function = lisp(
        "(defun handler (data headers) \
         (format nil \"~s ~s ~a\" (cdr (assoc :lambda-runtime-aws-request-id headers)) \
         (cdr (assoc (intern data :keyword) headers)) (eq headers aws-lambda-runtime:*header-alist*)))",
    )
    .start();
    let event = |id| Event::new("X-OWN").header("lambda-runtime-aws-request-id", id);
    let own = event("id-1").header("x-own", "a: b, \u{e4}");
    assert_eq!(function.answer_to(own), "\"id-1\" \"a: b, ä\" T".as_bytes());
    assert_eq!(function.answer_to(event("id-2")), b"\"id-2\" NIL T");
}

#[test]
fn binds_a_special_for_each_variable_of_the_environment() {
    needs!(sbcl);
    let function = lisp(
        "(defun handler (d h) d h (format nil \"~{~s~%~}\" (list aws-lambda-runtime:*_handler* \
         aws-lambda-runtime:*aws-lambda-function-name* aws-lambda-runtime:*aws-lambda-function-memory-size* \
         aws-lambda-runtime:*lambda-task-root* aws-lambda-runtime:*aws-region* aws-lambda-runtime:*tz*)))",
    )
    .env("AWS_REGION", "eu-central-1")
    .start();
    let root = function.task_root.path().display().to_string();
    assert_eq!(function.text(""), format!("\"main.handler\"\n\"f\"\n\"512\"\n\"{root}\"\n\"eu-central-1\"\nNIL\n"));
}

#[test]
fn sets_and_unsets_the_variables_of_an_event() {
    needs!(sbcl);
    let function = lisp(
        "(defun handler (name h) h (list name) (format nil \"~s ~s ~a\" (sb-ext:posix-getenv name) \
         aws-lambda-runtime:*aws-lambda-runtime-tenant-id* \
         (uiop:run-program (list \"printenv\" name) :output :string :ignore-error-status t)))",
    )
    .start();
    let event = || Event::new("AWS_LAMBDA_RUNTIME_TENANT_ID");
    let tenant = event().header("lambda-runtime-aws-tenant-id", "blue");
    assert_eq!(function.answer_to(tenant), b"\"blue\" \"blue\" blue\n");
    assert_eq!(function.answer_to(event()), b"NIL NIL ");
}

#[test]
fn answers_strings_of_every_kind_and_octets_as_they_are() {
    needs!(sbcl);
    let function = lisp("(defun handler (data h) h (eval (read-from-string data)))").start();
    for (form, answer) in [
        ("\" ä\n\"", " ä\n".as_bytes()),
        ("(coerce \"base\" 'simple-base-string)", b"base"),
        ("(make-array 2 :element-type 'character :initial-contents \"ab\" :fill-pointer 1)", b"a"),
        ("(make-array 2 :element-type 'character :displaced-to \"abcd\" :displaced-index-offset 1)", b"bc"),
        ("(string (code-char #xD800))", "\u{fffd}".as_bytes()),
        ("(format nil \"~c~c~c\" (code-char 0) (code-char 255) (code-char #x1F600))", "\0ÿ😀".as_bytes()),
        ("(coerce '(0 255 10) '(vector (unsigned-byte 8)))", b"\0\xff\n"),
        ("(make-array 3 :element-type '(unsigned-byte 8) :initial-element 200 :fill-pointer 2)", b"\xc8\xc8"),
        ("\"\"", b""),
        ("nil", b""),
    ] {
        assert_eq!(function.answer(form), answer, "{form}");
    }
}

#[test]
fn refuses_an_answer_of_another_type() {
    needs!(sbcl);
    let function = lisp("(defun handler (data h) h (if (string= data \"\") 'done data))").start();
    let error = function.error("");
    assert_eq!(error.kind, "SIMPLE-TYPE-ERROR");
    assert_eq!(
        error.message,
        "the handler answered DONE, of type SYMBOL: it must return a string or a vector of octets, \
         (UNSIGNED-BYTE 8)"
    );
    assert_eq!(error.stack, [""; 0]);
    assert_eq!(function.text("next"), "next");
}

#[test]
fn echoes_the_largest_event_in_any_script() {
    needs!(sbcl);
    let function = lisp(ECHO).start();
    for part in ["x", "ä", "€", "😀", "aäb€c😀"] {
        let event = part.repeat(LIMIT / part.len());
        assert!(function.answer(&event) == event.as_bytes(), "{part}");
    }
}

#[test]
fn says_that_an_answer_is_too_large() {
    needs!(sbcl);
    let function = lisp("(defun handler (data h) h (make-string (parse-integer data) :initial-element #\\x))").start();
    let error = function.error((LIMIT + 1).to_string());
    assert_eq!(error.kind, "Function.ResponseSizeTooLarge");
    assert_eq!(function.answer(LIMIT.to_string()).len(), LIMIT);
}

#[test]
fn replaces_what_is_no_utf8_and_says_so_once() {
    needs!(sbcl);
    let function = lisp(ECHO).start();
    for event in [
        &b"a\xffb"[..],
        b"\xc3",
        b"\xe2\x82",
        b"\xe2\x82x\xf0\x9f\x98",
        b"\xed\xa0\x80",
        b"\xc0\xaf\xf5\x80",
        b"\xf4\x90\x80\x80\xf0\x80",
    ] {
        let expected = String::from_utf8_lossy(event).into_owned();
        assert_eq!(function.text(event), expected, "{event:?}");
    }
    assert_eq!(function.text("\u{fffd}"), "\u{fffd}");
    assert_eq!(function.log().matches("the event is not UTF-8: ").count(), 7, "{}", function.log());
}

#[test]
fn decodes_characters_that_lie_across_blocks() {
    needs!(sbcl);
    let function = lisp(ECHO).start();
    for offset in 0..4 {
        let event = "x".repeat(offset) + &"😀€".repeat(60_000);
        assert!(function.answer(&event) == event.as_bytes(), "{offset}");
    }
    let event = [vec![b'x'; 300_000], b"\xf0\x9f".to_vec()].concat();
    assert!(function.text(&event) == String::from_utf8_lossy(&event));
}

#[test]
fn gives_octets_to_those_who_want_them() {
    needs!(sbcl);
    let function =
        lisp("(defun handler (data h) h (check-type data (simple-array (unsigned-byte 8) (*))) (reverse data))")
            .env("SCRIPT_RUNTIME_LISP_CONVENTION", "octets")
            .start();
    assert_eq!(function.answer(b"\x00\xff1"), b"1\xff\x00");
    let event: Vec<u8> = (0..=250).cycle().take(LIMIT).collect();
    let reversed: Vec<u8> = event.iter().rev().copied().collect();
    assert!(function.answer(&event) == reversed);
}

#[test]
fn gives_a_function_standard_input_and_output_where_that_is_asked_for() {
    needs!(sbcl);
    let function = lisp("(defun handler () (format t \"[~a]\" (read-line)) \"not this\")")
        .env("SCRIPT_RUNTIME_LISP_CONVENTION", "standard-io")
        .start();
    assert_eq!(function.text("ä\n2"), "[ä]");
}

#[test]
fn gives_a_script_arguments_where_that_is_asked_for() {
    needs!(sbcl);
    let function = lisp_files(&[("echo.ros", "(defun main (data headers) headers (print :log) data)")])
        .handler("echo.ros")
        .env("SCRIPT_RUNTIME_LISP_CONVENTION", "string")
        .start();
    assert_eq!(function.text("ä"), "ä");
}

#[test]
fn logs_before_the_answer_what_a_function_prints() {
    needs!(sbcl);
    let function = lisp(
        "(defun handler (data h) h (princ \"out \") (princ \"ä \" *standard-output*) (warn \"careful\") \
         (format *error-output* \"error-output~%\") (format *trace-output* \"trace~%\") \
         (format *terminal-io* \"terminal~%\") (format *debug-io* \"debug~%\") \
         (uiop:run-program \"echo child; echo child-error >&2\" :output :interactive :error-output :interactive) \
         data)",
    )
    .start();
    assert_eq!(function.text("1"), "1");
    for text in ["out ä ", "WARNING: careful\n", "error-output\n", "trace\n", "terminal\n", "debug\n"] {
        assert!(function.log().contains(text), "{text}: {}", function.log());
    }
    function.wait_for_log("child\n");
    function.wait_for_log("child-error\n");
}

#[test]
fn keeps_the_log_of_a_script_out_of_its_answer() {
    needs!(sbcl);
    let function = lisp_files(&[(
        "echo.ros",
        "(defun main () (write-line \"answer\") (warn \"careful\") (write-line \"log\" *error-output*) \
         (uiop:run-program \"echo child\" :output :interactive))",
    )])
    .handler("echo.ros")
    .start();
    assert_eq!(function.text(""), "answer\n");
    let log = function.log();
    assert!(log.contains("WARNING: careful\n") && log.contains("log\n") && log.contains("child\n"), "{log}");
}

#[test]
fn shares_the_image_between_events_but_not_the_working_directory() {
    needs!(sbcl);
    let function = lisp(
        "(defvar *count* 0) (defun handler (d h) d h (prog1 (format nil \"~a ~a\" (incf *count*) \
         (equal (uiop:getcwd) (uiop:ensure-directory-pathname aws-lambda-runtime:*lambda-task-root*))) \
         (uiop:chdir \"/tmp/\")))",
    )
    .start();
    assert_eq!(function.text(""), "1 T");
    assert_eq!(function.text(""), "2 T");
}

#[test]
fn random_numbers_differ_between_workers() {
    needs!(sbcl);
    let random = || lisp("(defun handler (d h) d h (format nil \"~a\" (random (expt 10 30))))").start().text("");
    assert_ne!(random(), random());
}

#[test]
fn does_not_grow_over_ten_thousand_events() {
    needs!(sbcl);
    let function = lisp(ECHO).start();
    let event = "ä".repeat(500);
    assert_eq!(function.text(""), "");
    let [worker] = function.children()[..] else { panic!("{:?}", function.children()) };
    let open = processes::descriptors(worker);
    // between two collections garbage comes and goes: the least that is used counts
    let mut least = [usize::MAX; 2];
    for half in &mut least {
        for _ in 0..10 {
            for _ in 0..500 {
                assert_eq!(function.text(&event), event);
            }
            *half = processes::resident(worker).min(*half);
        }
    }
    // a leak of a kilobyte an event would be five megabytes
    assert!(least[1] < least[0] + 2500, "{least:?} KiB");
    until("as many descriptors as before", || processes::descriptors(worker) == open);
}
