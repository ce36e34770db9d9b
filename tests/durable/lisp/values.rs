//! Results: the same value in the first run as in replays, or a clear failure.

use super::{Deeds, run, run_with, succeeded};

/// Forms, and what their values look like with their types.
const VALUES: [(&str, &str); 33] = [
    ("\"text\"", "\"text\" (SIMPLE-ARRAY CHARACTER (4))"),
    ("(princ-to-string 42)", "\"2A\" (SIMPLE-ARRAY CHARACTER (2))"),
    ("(format nil \"a\\\"b\\\\c~%d~C\" (code-char 233))", "\"a\\\"b\\\\c|d\u{e9}\" (SIMPLE-ARRAY CHARACTER (8))"),
    ("(string (code-char #xd800))", "\"\u{fffd}\" (SIMPLE-ARRAY CHARACTER (1))"),
    (
        "(make-array 2 :element-type 'character :fill-pointer 1 :initial-element #\\x)",
        "\"x\" (SIMPLE-ARRAY CHARACTER (1))",
    ),
    ("\"\"", "\"\" (SIMPLE-ARRAY CHARACTER (0))"),
    ("42", "42 (INTEGER 0 4611686018427387903)"),
    ("(expt 10 30)", "1000000000000000000000000000000 (INTEGER 4611686018427387904)"),
    ("1.5", "1.5 SINGLE-FLOAT"),
    ("1.5d0", "1.5d0 DOUBLE-FLOAT"),
    ("(/ 1 3)", "1/3 RATIO"),
    ("#c(1 2)", "#C(1 2) (COMPLEX (INTEGER 1 2))"),
    ("nil", "NIL NULL"),
    ("t", "T BOOLEAN"),
    ("(values 1 2 3)", "1 BIT"),
    ("(values)", "NIL NULL"),
    (":key", ":KEY KEYWORD"),
    ("'own", "OWN SYMBOL"),
    ("'cl-user::foreign", "COMMON-LISP-USER::FOREIGN SYMBOL"),
    ("'|a b:C|", "|a b:C| SYMBOL"),
    ("#\\Newline", "#\\Newline STANDARD-CHAR"),
    ("(list 1 (list 'own \"a\") (cons 2 3) nil)", "(1 (OWN \"a\") (2 . 3) NIL) CONS"),
    ("(list (princ-to-string 5))", "(\"5\") CONS"),
    (
        "(let ((same (list 1))) (let ((two (list same same))) (list (eq (first two) (second two)) two)))",
        "(T ((1) (1))) CONS",
    ),
    ("(vector 1 'own \"a\")", "#(1 OWN \"a\") (SIMPLE-VECTOR 3)"),
    (
        "(make-array 3 :element-type '(unsigned-byte 8) :initial-element 255)",
        "#(255 255 255) (SIMPLE-ARRAY (UNSIGNED-BYTE 8) (3))",
    ),
    (
        "(make-array 2 :element-type 'double-float :initial-element 1d0)",
        "#(1.0d0 1.0d0) (SIMPLE-ARRAY DOUBLE-FLOAT (2))",
    ),
    ("(make-array '(2 2) :initial-contents '((1 2) (3 4)))", "#2A((1 2) (3 4)) (SIMPLE-ARRAY T (2 2))"),
    ("#*1011", "#*1011 (SIMPLE-BIT-VECTOR 4)"),
    ("#p\"/tmp/a.txt\"", "#P\"/tmp/a.txt\" PATHNAME"),
    ("(make-point :x 1 :y (table \"deep\" 2))", "#S(POINT :X 1 :Y (TABLE EQUAL (\"deep\" . 2))) POINT"),
    ("(table \"a\" 1 'own (list (table 1 2)))", "(TABLE EQUAL (\"a\" . 1) (OWN (TABLE EQUAL (1 . 2)))) HASH-TABLE"),
    ("(list (cons 'key (table)) (vector (table 1 2)))", "((KEY TABLE EQUAL) #((TABLE EQUAL (1 . 2)))) CONS"),
];

/// Shows values, with tables as lists.
const SHOW: &str = r#"
(defstruct point x y)
(defun table (&rest entries)
  (let ((table (make-hash-table :test 'equal)))
    (loop for (key value) on entries by #'cddr do (setf (gethash key table) value))
    table))
(defun plain (value)
  (typecase value
    (hash-table (list* 'table (hash-table-test value)
                       (loop for key being each hash-key of value using (hash-value more) collect (cons key (plain more)))))
    (cons (cons (plain (car value)) (plain (cdr value))))
    (simple-vector (map 'vector #'plain value))
    (point (make-point :x (plain (point-x value)) :y (plain (point-y value))))
    (t value)))
(defun show (value)
  (let ((*package* (find-package :flow)) (*print-pretty* nil) (*print-readably* nil))
    (did "~A" (substitute #\| #\Newline (format nil "~S ~S" (plain value) (type-of value))))))
"#;

#[test]
fn values_are_the_same_in_the_first_run_and_in_replays() {
    needs!(sbcl);
    let deeds = Deeds::new();
    // whatever the reader and the printer of the handler are set to
    let mut forms = "(let ((*print-base* 16) (*print-case* :downcase) (*read-base* 2) (*print-length* 1)) ".to_owned();
    let steps: Vec<_> =
        (0..).zip(VALUES).map(|(number, (form, _))| format!("(durable-step \"v{number}\" {form})")).collect();
    forms.push_str("(let ((values (list ");
    forms.push_str(&steps.join("\n"));
    forms.push_str("))) (with-standard-io-syntax (mapc #'show values))");
    forms.push_str("(durable-wait 60) \"ok\"))");
    let (execution, end) = run_with(SHOW, &forms, &deeds);
    assert_eq!(
        (end, &execution.invocations[..]),
        (succeeded("ok"), &["PENDING".to_owned(), "SUCCEEDED".to_owned()][..]),
        "{}",
        execution.log()
    );
    let expected: Vec<_> = VALUES.iter().map(|(_, shown)| (*shown).to_owned()).collect();
    let all = deeds.all();
    assert_eq!(all.len(), 2 * expected.len());
    for (number, (form, shown)) in VALUES.iter().enumerate() {
        assert_eq!((all[number].as_str(), all[number + expected.len()].as_str()), (*shown, *shown), "{form}");
    }
}

#[test]
fn circles_come_back() {
    needs!(sbcl);
    let deeds = Deeds::new();
    let forms = r#"
        (let* ((list (durable-step "list" (let ((list (list 1 2))) (setf (cddr list) list))))
               (table (durable-step "table" (let ((table (make-hash-table))) (setf (gethash :self table) (list table)))))
               (table (first table))
               (two (durable-step "two" (let ((same (list 1))) (list same same)))))
          (did "~A ~A ~A" (eq list (cddr list)) (eq table (first (gethash :self table))) (eq (first two) (second two)))
          (durable-wait 60)
          "ok")"#;
    let (execution, end) = run(forms, &deeds);
    assert_eq!(end, succeeded("ok"), "{}", execution.log());
    assert_eq!(deeds.all(), ["T T T", "T T T"]);
}

#[test]
fn a_value_that_cannot_be_kept_is_a_failure_that_names_it() {
    needs!(sbcl);
    for (form, message) in [
        ("#'car", "`#<FUNCTION CAR>` has no readable form"),
        ("(list 1 *standard-output*)", "STREAM"),
        ("(find-package :cl)", "`#<PACKAGE \"COMMON-LISP\">` has no readable form"),
        ("(make-instance (defclass own () ()))", "`#<FLOW::OWN "),
        ("sb-ext:double-float-positive-infinity", "DOUBLE-FLOAT-POSITIVE-INFINITY"),
        ("(make-hash-table :weakness :key)", "HASH-TABLE :TEST EQL :COUNT 0 :WEAKNESS :KEY "),
        ("(progn (defstruct (closed (:constructor close-it (a))) a) (funcall 'close-it 1))", "CLOSED structure"),
        (
            "(progn (defstruct odd) (defmethod print-object ((odd odd) stream) (write-string \"ODD\" stream)) (funcall 'make-odd))",
            "it holds `ODD`, which is printed without a package",
        ),
    ] {
        let deeds = Deeds::new();
        let forms = format!(
            "(handler-case (durable-step \"s\" (did \"ran\") {form})
               (durable-failed (failed)
                 (did \"~A: ~A\" (durable-failed-type failed) failed) (durable-wait 60) \"ok\"))"
        );
        let (execution, end) = run(&forms, &deeds);
        assert_eq!(end, succeeded("ok"), "{form}: {}", execution.log());
        let all = deeds.all();
        let beginning = "Durable.InvalidResult: the result of `s` cannot be kept: ";
        assert!(all[1].starts_with(beginning) && all[1].contains(message), "{form}: {all:?}");
        assert_eq!((all.len(), &all[0][..], &all[2]), (3, "ran", &all[1]), "{form}: {all:?}");
    }
}

#[test]
fn a_value_whose_package_is_gone_is_a_failure() {
    needs!(sbcl);
    let deeds = Deeds::new();
    let forms = r#"
        (progn
          (when (= *events* 1) (make-package "LOST" :use nil))
          (handler-case (durable-step "s" (intern "X" "LOST"))
            (:no-error (value) (did "~A" (symbol-name value)) (delete-package "LOST") (durable-wait 60))
            (durable-failed (failed) (durable-failed-type failed))))"#;
    let (execution, end) = run(forms, &deeds);
    assert_eq!(end, succeeded("Durable.InvalidResult"), "{}", execution.log());
    assert_eq!(deeds.all(), ["X"]);
}

#[test]
fn large_values_come_back() {
    needs!(sbcl);
    let deeds = Deeds::new();
    let forms = r#"
        (let ((text (durable-step "text" (make-string 300000 :initial-element (code-char 8364))))
              (context (durable-context "context" (did "context") (make-string 500000 :initial-element #\x))))
          (did "~A ~A ~A" (length text) (char-code (char text 299999)) (length context))
          (durable-wait 60)
          "ok")"#;
    let (execution, end) = run(forms, &deeds);
    assert_eq!(end, succeeded("ok"), "{}", execution.log());
    // the body of a context with a large result runs again
    assert_eq!(deeds.all(), ["context", "300000 8364 500000", "context", "300000 8364 500000"]);
}
