;;;; Durable functions: what is there before an event or a file needs them. The files values, session and durable hold the rest.
;;;;
;;;; A saved core holds them all. From its source, the rest of the shim is loaded with the first use, so that no other function
;;;; waits for it.

(defpackage #:durable
  (:use)
  (:documentation "Durable functions: steps that run once, and waits for which the function is not kept running.")
  (:export #:durable-step #:durable-wait #:durable-callback #:durable-callback-id #:durable-callback-result
           #:durable-invoke #:durable-until #:durable-context #:durable-fail #:durable-replaying-p #:durable-attempt
           #:durable-failed #:durable-failed-name #:durable-failed-type #:durable-failed-message #:durable-failed-data
           #:durable-refused #:suspending-p))

(in-package #:lambda-script-runtime)

(sb-ext:defglobal **session** nil)
(setf (documentation '**session** 'variable) "The durable event that runs; NIL while another one, or none, does.")

(defvar *scope* nil
  "The scope of this thread; NIL outside of a durable event, and in threads that were made at init.")

(defvar *deferred* nil
  "The source of what is not loaded yet; NIL if all is there.")

(defvar *macros*
  '(durable:durable-step durable:durable-until durable:durable-callback durable:durable-context)
  "The macros of the package DURABLE.")

(defvar *functions*
  '(durable:durable-wait durable:durable-callback-id durable:durable-callback-result durable:durable-invoke
    durable:durable-fail durable:durable-replaying-p durable:durable-attempt durable:suspending-p)
  "Its functions.")

(defun load-deferred ()
  "Loads what is not loaded yet."
  (let ((source (shiftf *deferred* nil)))
    (when source
      (mapc #'fmakunbound (append *macros* *functions*))
      (with-standard-io-syntax
        (load (make-string-input-stream source))))))

(defun defer (source)
  "Loads SOURCE when something of the package DURABLE is used."
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
  "FUNCTION for a new thread, in which operations belong where they would here."
  (if *scope*
      (funcall 'in-scope-of *scope* function)
      function))

(defun call-durably (caller event headers)
  "Calls CALLER with its arguments, for an event that may be durable."
  (let ((path (sb-ext:posix-getenv "DURABLE_SOCKET")))
    (setf **session** nil)
    (cond (path
           (load-deferred)
           (funcall 'call-in-session path caller event headers))
          (t (funcall caller event headers)))))
