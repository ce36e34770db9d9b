;;;; The context of an event: the working directory, the environment, the headers.
;;;;
;;;; Environment variables are copied as octets. Handlers get new strings for each event.

(in-package #:lambda-script-runtime)

(defvar *task-root* (octets-of "")
  "The directory in which events run, as a C string.")

(defun change-to-task-root ()
  "Changes the working directory of the process back to the task root."
  (let ((directory *task-root*))
    (declare (type octets directory))
    (sb-sys:with-pinned-objects (directory)
      (call-c "chdir" sb-alien:int (sb-sys:system-area-pointer (sb-sys:vector-sap directory))))))

(defun set-variables ()
  "Sets the special variables of AWS-LAMBDA-RUNTIME to the values of the environment."
  (loop for (name . symbol) in aws-lambda-runtime::*variables*
        do (setf (symbol-value symbol) (sb-ext:posix-getenv name))))

(defstruct (event-variable (:conc-name variable-) (:constructor make-event-variable (name c-name symbol)))
  "An environment variable that events set: its name, the special that also has its value, and two places of SIZES
octets for a string NAME=VALUE, of which the second is the one in the environment."
  (name nil :type octets)
  (c-name nil :type octets)
  (symbol nil :type symbol)
  (places (list (sb-sys:int-sap 0) (sb-sys:int-sap 0)) :type cons)
  (sizes (list 0 0) :type cons))

(defvar *event-variables* '()
  "The environment variables that events have set or unset.")

(defun variable-named (octets start end)
  "The variable of this name. All events have the same few names."
  (or (find-if (lambda (variable) (same-octets-p octets start end (variable-name variable))) *event-variables*)
      (let* ((name (text-of octets start end))
             (c-name (concatenate 'octets (subseq octets start end) '(0)))
             (symbol (cdr (assoc name aws-lambda-runtime::*variables* :test #'string=))))
        (first (push (make-event-variable (subseq octets start end) c-name symbol) *event-variables*)))))

(defun set-environment (variable octets start end)
  "Puts the octets NAME=VALUE into the environment. `setenv` is not used, because it never frees a value."
  (declare (type octets octets) (type index start end))
  (let* ((places (variable-places variable)) (sizes (variable-sizes variable)) (length (- end start)))
    (declare (type index length))
    ;; another thread may still read the current string in the environment
    (rotatef (first places) (second places))
    (rotatef (first sizes) (second sizes))
    (when (>= length (the index (second sizes)))
      (let ((size (* 2 (1+ length))))
        (setf (second places) (call-c "realloc" sb-sys:system-area-pointer
                                      (sb-sys:system-area-pointer (second places))
                                      (sb-alien:unsigned-long size))
              (second sizes) size)))
    (let ((place (second places)))
      (loop for index of-type index below length
            do (setf (sb-sys:sap-ref-8 place index) (aref octets (+ start index))))
      (setf (sb-sys:sap-ref-8 place length) 0)
      (call-c "putenv" sb-alien:int (sb-sys:system-area-pointer place)))))

(defun unset-environment (variable)
  "Removes a variable from the environment."
  (let ((name (variable-c-name variable)))
    (sb-sys:with-pinned-objects (name)
      (call-c "unsetenv" sb-alien:int (sb-sys:system-area-pointer (sb-sys:vector-sap name)))))
  ;; callers choose these names: they must not fill the memory
  (when (eql 0 (search (octets-of "HTTP_") (variable-name variable)))
    (dolist (place (variable-places variable))
      (call-c "free" sb-alien:void (sb-sys:system-area-pointer place)))
    (setf *event-variables* (delete variable *event-variables*))))

(defun set-variable (octets start end)
  "Sets the variable of a line NAME=VALUE of the context, or unsets the variable of a line NAME."
  (let* ((equals (octet-position (char-code #\=) octets start end))
         (variable (variable-named octets start (or equals end))))
    (if equals
        (set-environment variable octets start end)
        (unset-environment variable))
    (when (variable-symbol variable)
      (setf (symbol-value (variable-symbol variable))
            (and equals (text-of octets (1+ equals) end))))))

(defvar *header-names* '()
  "An alist: the names of headers so far, as they are written, and their keywords.")

(defun header-keyword (octets start end)
  "The keyword for a header's name. All events have the same few names."
  (or (cdr (assoc-if (lambda (name) (same-octets-p octets start end name)) *header-names*))
      (let ((keyword (intern (string-upcase (text-of octets start end)) '#:keyword)))
        (push (cons (subseq octets start end) keyword) *header-names*)
        keyword)))

(defun header (octets start end)
  "The pair for a header `name: value`."
  (let ((colon (octet-position (char-code #\:) octets start end)))
    (cons (header-keyword octets start colon)
          (text-of octets (min end (+ colon 2)) end))))

(defun set-context (octets start end)
  "Sets the context of an event for handlers."
  (flet ((next-line ()
           (let ((line start) (newline (octet-position (char-code #\Newline) octets start end)))
             (setf start (1+ newline))
             (values line newline))))
    (loop (multiple-value-bind (line newline) (next-line)
            (when (= line newline)
              (return))
            (set-variable octets line newline)))
    (setf aws-lambda-runtime:*header-alist*
          (loop while (< start end)
                collect (multiple-value-call #'header octets (next-line))))))
