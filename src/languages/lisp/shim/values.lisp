;;;; Values as text: the results of durable operations, which each replay reads again.
;;;;
;;;; They are printed and read in the standard syntax, in a package that has only the symbols of COMMON-LISP: other
;;;; symbols are printed with their package, so they are read back the same. Nothing is evaluated.

(defpackage #:lambda-script-runtime-values
  (:use #:common-lisp)
  (:documentation "The package in which results are printed and read. It has no symbols of its own."))

(in-package #:lambda-script-runtime)

(defmacro with-syntax-of-values (&body body)
  "Binds the syntax of stored values."
  `(with-standard-io-syntax
     (let ((*package* (find-package '#:lambda-script-runtime-values)) (*print-circle* t) (*read-eval* nil))
       ,@body)))

(defvar *table-mark* "(LAMBDA-SCRIPT-RUNTIME::TABLE "
  "The first element of a stored hash table. SBCL itself prints tables only as forms for the reader to evaluate.")

(defun table-form (table)
  "A list that represents a hash table: TABLE, its test and its entries; NIL if the table cannot be created again."
  (when (and (null (sb-ext:hash-table-weakness table))
             (member (hash-table-test table) '(eq eql equal equalp)))
    (list* 'table (hash-table-test table)
           (loop for key being each hash-key of table using (hash-value value)
                 collect (cons key value)))))

(defun print-value (value)
  "The text of VALUE. Signals PRINT-NOT-READABLE for a part of it that has none."
  (handler-bind ((print-not-readable
                   (lambda (condition)
                     (let* ((object (print-not-readable-object condition))
                            (form (and (hash-table-p object) (table-form object))))
                       (when form
                         (use-value form))))))
    (with-syntax-of-values
      (prin1-to-string value))))

(defun with-tables (value)
  "VALUE with hash tables instead of the lists that represent them, also in circular values."
  (let ((seen (make-hash-table :test 'eq)))
    (labels ((table-of (form)
               (destructuring-bind (test . entries) (rest form)
                 (let ((table (make-hash-table :test test)))
                   (setf (gethash form seen) table)
                   (loop for (key . value) in entries
                         do (setf (gethash (replaced key) table) (replaced value)))
                   table)))
             (replace-parts (whole)
               (setf (gethash whole seen) whole)
               (typecase whole
                 (cons
                  (loop for rest = whole then next
                        for next = (cdr rest)
                        do (setf (car rest) (replaced (car rest)))
                        until (or (atom next) (gethash next seen) (eq (first next) 'table))
                        do (setf (gethash next seen) next)
                        finally (setf (cdr rest) (replaced next))))
                 (array
                  (dotimes (index (array-total-size whole))
                    (setf (row-major-aref whole index) (replaced (row-major-aref whole index)))))
                 (t
                  (dolist (slot (sb-mop:class-slots (class-of whole)))
                    (let* ((name (sb-mop:slot-definition-name slot)) (value (slot-value whole name)))
                      (unless (eq value (replaced value))
                        (setf (slot-value whole name) (replaced value)))))))
               whole)
             (replaced (part)
               (cond ((gethash part seen))
                     ((and (consp part) (eq (first part) 'table)) (table-of part))
                     ((typep part '(or cons (array t) (and structure-object (not pathname))))
                      (replace-parts part))
                     (t part))))
      (replaced value))))

(defun check-symbols ()
  "Signals an error if the reader has found an unknown symbol, which a method of PRINT-OBJECT has written."
  (with-package-iterator (next '#:lambda-script-runtime-values :internal)
    (multiple-value-bind (found symbol) (next)
      (when found
        (unintern symbol '#:lambda-script-runtime-values)
        (error "it holds `~A`, which is printed without a package" (symbol-name symbol))))))

(defun read-value (text)
  "The value of TEXT."
  (let ((value (with-syntax-of-values
                 (values (read-from-string text)))))
    (check-symbols)
    (if (search *table-mark* text) (with-tables value) value)))

(defun without-surrogates (text)
  "TEXT after a conversion to UTF-8 and back, which replaces surrogates."
  (substitute-if #\REPLACEMENT_CHARACTER (lambda (character) (<= #xD800 (char-code character) #xDFFF)) text))

(defun keep-value (value)
  "The text of VALUE, and the value that each replay will return. Signals an error if the value would change."
  (if (stringp value)
      (let ((copy (without-surrogates (coerce value 'text))))
        (values (print-value copy) (copy-seq copy)))
      (let* ((text (without-surrogates (print-value value)))
             (copy (read-value text)))
        (unless (string= text (print-value copy))
          (error "it does not come back as it was printed: ~A" (shortened text +longest-line+)))
        (values text copy))))

(defun shown-value (value)
  "VALUE for a message, on one line."
  (handler-case (with-sober-printing
                  (shortened (substitute #\Space #\Newline (prin1-to-string value)) +longest-line+))
    (serious-condition () (format nil "a ~A" (type-of value)))))

(defun value-refusal (condition)
  "The reason why a value cannot be stored."
  (if (typep condition 'print-not-readable)
      (format nil "`~A` has no readable form: return strings, numbers, symbols, lists, vectors or hash tables"
              (shown-value (print-not-readable-object condition)))
      (squeezed (report condition))))
