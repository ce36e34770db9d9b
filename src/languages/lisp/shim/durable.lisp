;;;; The operations of durable functions. They have the form (MACRO NAME [KEYWORD VALUE]... BODY...).
;;;;
;;;; An operation has the same result in its first run and in each replay: the value that is read from the stored text,
;;;; or the condition DURABLE-FAILED.

(in-package #:lambda-script-runtime)

(defun call-in-new-scope (scope function)
  "Calls FUNCTION in SCOPE, with SCOPE as its argument."
  (call-in-scope scope function scope))

(defun call-operation (function)
  "Calls FUNCTION with the scope of this thread. Signals an error if operations are not allowed here."
  (let ((scope *scope*))
    (cond ((null scope)
           (unless **session**
             (refuse "this is no event of a durable execution: run it with `bootstrap --durable HANDLER EVENT`"))
           (call-in-new-scope (scope-of-thread **session**) function))
          ((strand-unwinding (scope-strand scope))
           (refuse "the invocation is over, and clean-up code has no durable operations: `(durable:suspending-p)` tells it"))
          ((or (session-suspended (scope-session scope)) (session-over (scope-session scope)))
           (suspend scope))
          ((scope-step scope)
           (refuse "the step `~A` has a durable operation inside: put it beside the step, or make the step a `durable-context`"
                   (scope-step scope)))
          ;; this code interrupts another operation of the thread
          ((scope-busy scope)
           (let ((new (copy-scope scope)))
             (setf (scope-link new) nil)
             (call-in-new-scope new function)))
          (t (funcall function scope)))))

(defmacro with-operation ((scope) &body body)
  "Runs BODY with the variable SCOPE, where operations are possible."
  `(call-operation (lambda (,scope) ,@body)))

(defun outcome (name reply)
  "The result in REPLY, a text. Signals a failure."
  (if (string= (first reply) "failed")
      (error 'durable:durable-failed
             :name name :type (or (value-of "type" reply) "Durable.Failed")
             :message (or (value-of "message" reply) (format nil "`~A` failed" name)) :data (value-of "data" reply))
      (or (value-of "result" reply) "")))

;;; Bodies

(defun call-body (scope function)
  "Calls FUNCTION in SCOPE. Returns the list of its values, or NIL and the failure. No outer handler sees its errors: in
a replay there are none."
  (flet ((fail (condition hook)
           (declare (ignore hook))
           (return-from call-body (values nil (funcall *failure-of* condition)))))
    (handler-bind ((serious-condition #'invoke-debugger))
      (let ((sb-ext:*invoke-debugger-hook* #'fail))
        (multiple-value-list (call-in-scope scope function))))))

(defun end-of-failure (failure)
  "The fields for the end of a failed body."
  (list* "type" (failure-type failure) "message" (failure-message failure)
         (loop for line in (failure-backtrace failure)
               collect "stack"
               collect line)))

(defun end-of-value (name key value)
  "The fields for the end of the body of NAME, with VALUE under KEY, and the value that replays will return."
  (handler-case (multiple-value-bind (text copy) (keep-value value)
                  (values (list key text) copy))
    (serious-condition (condition)
      (list "type" "Durable.InvalidResult"
            "message" (format nil "the result of `~A` cannot be kept: ~A" name (value-refusal condition))))))

(defun attempts (scope perform verb &rest fields)
  "Makes a request, and calls PERFORM with the reply each time bootstrap asks for a run. PERFORM returns the fields for
the end, and the value that replays will return. Returns the last reply, and the last value in a list if there is one."
  (let ((reply (apply #'ask scope verb fields)) (values '()))
    (loop while (string= (first reply) "run")
          do (let ((ended nil))
               (unwind-protect
                    (destructuring-bind (end &rest copies) (multiple-value-list (funcall perform reply))
                      (setf values copies
                            ended t
                            reply (apply #'ask scope "end" "id" (value-of "id" reply) end)))
                 ;; a non-local exit has left the body: it has no end
                 (unless ended
                   (close-link scope)))))
    (values reply values)))

(defun value-outcome (name reply values)
  "The value of an operation: the first of VALUES in its first run, else the value in REPLY. Signals a failure."
  (let ((text (outcome name reply)))
    (if values
        (first values)
        (handler-case (read-value text)
          (error (condition)
            (error 'durable:durable-failed
                   :name name :type "Durable.InvalidResult" :data nil
                   :message (format nil "the result of `~A`, `~A`, cannot be read: ~A"
                                    name (shortened text +longest-line+) (squeezed (report condition)))))))))

(defun call-step (name scope function options)
  "Calls FUNCTION with the reply of each attempt, unless the step has already ended. FUNCTION returns the key of the end
and the value. Returns the last reply and its value."
  (apply #'attempts scope
         (lambda (reply)
           (let ((inside (make-scope :strand (scope-strand scope) :context (scope-context scope) :step name
                                     :attempt (parse-integer (value-of "attempt" reply)))))
             (multiple-value-bind (values failure) (call-body inside (lambda () (funcall function reply)))
               (if failure
                   (end-of-failure failure)
                   (end-of-value name (first values) (second values))))))
         "step" "name" name options))

(defun call-in-context (name scope sub-type perform)
  "Opens a context of the type SUB-TYPE and calls PERFORM with its scope. PERFORM returns the fields for the end, and
the value. Returns the last reply and its value."
  (attempts scope
            (lambda (reply)
              (funcall perform (make-scope :strand (scope-strand scope) :context (value-of "id" reply))))
            "context" "name" name "sub-type" sub-type))

;;; The functions behind the macros

(defun attempt-fields (&key retry backoff rate max-delay at-most-once)
  "The fields for the options of a step."
  (list "retry" retry "backoff" backoff "rate" rate "max-delay" max-delay "at-most-once" (and at-most-once t)))

(defun run-step (name function &rest options)
  "DURABLE-STEP."
  (let ((name (string name)))
    (with-operation (scope)
      (multiple-value-call #'value-outcome
        name
        (call-step name scope
                   (lambda (reply)
                     (declare (ignore reply))
                     (values "result" (values (funcall function))))
                   (apply #'attempt-fields options))))))

(defun run-until (name function &key every timeout)
  "DURABLE-UNTIL."
  (let ((name (string name)))
    (with-operation (scope)
      (multiple-value-call #'value-outcome
        name
        (call-step name scope
                   (lambda (reply)
                     (let* ((text (value-of "state" reply))
                            (state (and text (read-value text)))
                            (answer (multiple-value-list (funcall function state))))
                       (if (first answer)
                           (values "result" (first answer))
                           (values "again" (if (rest answer) (second answer) state)))))
                   (list "every" every "timeout" timeout))))))

(defun run-context (name function)
  "DURABLE-CONTEXT."
  (let ((name (string name)))
    (with-operation (scope)
      (multiple-value-call #'value-outcome
        name
        (call-in-context name scope "RunInChildContext"
                         (lambda (inside)
                           (multiple-value-bind (values failure) (call-body inside function)
                             (if failure
                                 (end-of-failure failure)
                                 (end-of-value name "result" (first values))))))))))

(defun callback-fields (timeout heartbeat)
  "The fields for the options of a callback."
  (list "timeout" timeout "heartbeat" heartbeat))

(defun run-callback (name function &rest options &key timeout heartbeat &allow-other-keys)
  "DURABLE-CALLBACK: a context with the callback, and a step that gets its id."
  (let ((name (string name))
        (attempt-options (loop for (key value) on options by #'cddr
                               unless (member key '(:timeout :heartbeat))
                                 collect key and collect value)))
    (flet ((perform (inside)
             (let* ((created (apply #'ask inside "callback" "name" (format nil "~A create callback id" name)
                                    (callback-fields timeout heartbeat)))
                    (submitted (call-step (format nil "~A submitter" name) inside
                                          (lambda (reply)
                                            (declare (ignore reply))
                                            (funcall function (value-of "callback" created))
                                            (values "result" nil))
                                          (apply #'attempt-fields attempt-options)))
                    (end (if (string= (first submitted) "done")
                             (ask inside "result" "id" (value-of "id" created))
                             submitted)))
               (loop for (key . value) in (rest end)
                     collect key
                     collect value))))
      (with-operation (scope)
        (outcome name (call-in-context name scope "WaitForCallback"
                                       (lambda (inside)
                                         (call-in-new-scope inside #'perform))))))))

;;; The interface

(eval-when (:compile-toplevel :load-toplevel :execute)
  (defun parse-operation (macro name forms allowed)
    "NAME, the options at the beginning of FORMS, and the forms after them. NAME may contain options: (\"NAME\" KEYWORD
VALUE)."
    (when (and (consp name) (stringp (first name)))
      (setf forms (append (rest name) forms)
            name (first name)))
    (let ((options (loop while (and (keywordp (first forms)) (rest forms))
                         collect (let ((key (pop forms)))
                                   (unless (member key allowed)
                                     (error "~S has no option ~S~@[: it has ~{~S~^, ~}~]" macro key allowed))
                                   key)
                         collect (pop forms))))
      (values name options forms)))

  (defun parse-variable (macro forms)
    "The variable of a body (VARIABLE) FORM..., and the forms."
    (let ((variable (first forms)))
      (unless (and (consp variable) (symbolp (first variable)) (null (rest variable)))
        (error "~S has a list of one variable in front of its body, not ~S" macro variable))
      (values (first variable) (rest forms)))))

(defmacro durable:durable-step (name &body options-and-body)
  "(durable-step NAME [:retry N] [:backoff SECONDS] [:rate X] [:max-delay SECONDS] [:at-most-once T] BODY...)
Runs BODY once, and gives its first value, here and in each replay."
  (multiple-value-bind (name options body)
      (parse-operation 'durable:durable-step name options-and-body '(:retry :backoff :rate :max-delay :at-most-once))
    `(run-step ,name (lambda () ,@body) ,@options)))

(defmacro durable:durable-until (name &body options-and-body)
  "(durable-until NAME :every SECONDS [:timeout SECONDS] (STATE) BODY...)
Runs BODY again and again, suspended in between, until its first value is true, and gives that. A second value is the STATE
of the next time; it is NIL at first."
  (multiple-value-bind (name options forms)
      (parse-operation 'durable:durable-until name options-and-body '(:every :timeout))
    (unless (getf options :every)
      (error "~S needs the option :EVERY" 'durable:durable-until))
    (multiple-value-bind (variable body) (parse-variable 'durable:durable-until forms)
      `(run-until ,name (lambda (,variable) (declare (ignorable ,variable)) ,@body) ,@options))))

(defmacro durable:durable-callback (name &body options-and-body)
  "(durable-callback NAME [:timeout SECONDS] [:heartbeat SECONDS] [options of a step] (ID) BODY...)
Runs BODY with the id of a callback, as a step, and waits for the answer, which it gives as a string."
  (multiple-value-bind (name options forms)
      (parse-operation 'durable:durable-callback name options-and-body
                       '(:timeout :heartbeat :retry :backoff :rate :max-delay :at-most-once))
    (multiple-value-bind (variable body) (parse-variable 'durable:durable-callback forms)
      `(run-callback ,name (lambda (,variable) (declare (ignorable ,variable)) ,@body) ,@options))))

(defmacro durable:durable-context (name &body body)
  "(durable-context NAME BODY...)
Runs BODY with names of its own, and returns its first value. After its end, it is not run again."
  `(run-context ,name (lambda () ,@body)))

(defun durable:durable-wait (seconds &key name until)
  "Waits for this time, or until a universal time. The function does not run meanwhile."
  (let ((name (string (or name "wait"))))
    (with-operation (scope)
      (outcome name (ask scope "wait" "name" name
                         "seconds" (and (null until) seconds)
                         "until" (and until (- until #.(encode-universal-time 0 0 0 1 1 1970 0)))))
      nil)))

(defun durable:durable-callback-id (name &key timeout heartbeat)
  "The id of a new callback. DURABLE-CALLBACK-RESULT waits for its answer."
  (with-operation (scope)
    (value-of "callback" (apply #'ask scope "callback" "name" (string name) (callback-fields timeout heartbeat)))))

(defun durable:durable-callback-result (name)
  "Waits for the answer to the callback of this name, and returns it as a string."
  (let ((name (string name)))
    (with-operation (scope)
      (outcome name (ask scope "result" "name" name)))))

(defun durable:durable-invoke (function event &key name tenant)
  "Calls another function, FUNCTION:QUALIFIER, with EVENT, a string. Returns its answer as a string."
  (let ((name (string (or name function))))
    (with-operation (scope)
      (outcome name (ask scope "invoke" "name" name "function" function "event" event "tenant" tenant)))))

(defun durable:durable-fail (type message)
  "Ends the execution with this error."
  (with-operation (scope)
    (ask scope "fail" "type" (string type) "message" message)))

(defun durable:durable-replaying-p ()
  "Whether the record has operations that the handler has not reached yet."
  (with-operation (scope)
    (string= "yes" (first (ask scope "replaying")))))

(defun durable:durable-attempt ()
  "The number of the attempt of the current step, from 1 on; NIL outside of steps."
  (and *scope* (scope-attempt *scope*)))
