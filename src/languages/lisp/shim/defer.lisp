;;;; Durable functions: the part that is loaded before an event or a file uses them. The files values, session and
;;;; durable have the rest.
;;;;
;;;; A saved core contains all files. Without one, the rest is loaded from source at its first use, so that other
;;;; functions start faster.

(defpackage #:durable
  (:use)
  (:documentation "Durable functions: steps that run once, and waits during which the function does not run.")
  (:export #:durable-step #:durable-wait #:durable-callback #:durable-callback-id #:durable-callback-result
           #:durable-invoke #:durable-until #:durable-context #:durable-fail #:durable-replaying-p #:durable-attempt
           #:durable-failed #:durable-failed-name #:durable-failed-type #:durable-failed-message #:durable-failed-data
           #:durable-refused #:suspending-p))

(in-package #:lambda-script-runtime)

(sb-ext:defglobal **session** nil)
(setf (documentation '**session** 'variable) "The current durable event; NIL during other events and between events.")

(defvar *scope* nil
  "The scope of this thread; NIL outside of a durable event, and in threads that were created at init.")

(defvar *deferred* nil
  "The source of the part that is not loaded yet; NIL if all is loaded.")

(defvar *macros*
  '(durable:durable-step durable:durable-until durable:durable-callback durable:durable-context)
  "The macros of the package DURABLE.")

(defvar *functions*
  '(durable:durable-wait durable:durable-callback-id durable:durable-callback-result durable:durable-invoke
    durable:durable-fail durable:durable-replaying-p durable:durable-attempt durable:suspending-p)
  "Its functions.")

(defun load-deferred ()
  "Loads the rest of the shim."
  (let ((source (shiftf *deferred* nil)))
    (when source
      (mapc #'fmakunbound (append *macros* *functions*))
      (with-standard-io-syntax
        (load (make-string-input-stream source))))))

(defun defer (source)
  "Loads SOURCE at the first use of the package DURABLE."
  (setf *deferred* source)
  (dolist (name *macros*)
    (let ((name name))
      (setf (macro-function name) (lambda (form environment)
                                    (load-deferred)
                                    (funcall (macro-function name) form environment)))))
  (dolist (name *functions*)
    (let ((name name))
      (setf (symbol-function name) (lambda (&rest arguments)
                                     (load-deferred)
                                     (apply name arguments))))))

(defun in-scope (function)
  "FUNCTION for a new thread, whose operations have the scope of this thread."
  (if *scope*
      (funcall 'in-scope-of *scope* function)
      function))

(defun call-durably (caller event headers)
  "Calls CALLER with its arguments, as a durable event if it is one."
  (let ((path (sb-ext:posix-getenv "DURABLE_SOCKET")))
    (setf **session** nil)
    (cond (path
           (load-deferred)
           (funcall 'call-in-session path caller event headers))
          (t (funcall caller event headers)))))
