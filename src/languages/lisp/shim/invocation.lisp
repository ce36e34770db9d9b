;;;; A run of the handler, and the threads and timers that it starts. They have the handler's output until its event
;;;; ends, and write to the log after that. In a script, EXIT in any of them ends the event.
;;;;
;;;; New threads of SBCL have no dynamic bindings. So some of SBCL's functions are encapsulated: threads, timers and
;;;; interrupts then know the invocation that started them.

(in-package #:lambda-script-runtime)

(defstruct invocation
  "A run of the handler, or the loading of its file."
  ;; whether EXIT ends the run instead of the process, and whether it can end it now
  (exits nil)
  (catches nil)
  ;; uninterned symbols whose values are the standard input and output; NIL if these are the log's
  (input nil :type symbol)
  (output nil :type symbol)
  ;; the last of the threads that use the streams closes them
  (streams '() :type list)
  (users 1 :type sb-ext:word)
  (ended nil))

(sb-ext:defglobal **main-thread** sb-thread:*current-thread*)

(defvar *invocation* nil
  "The invocation of this thread.")

(defun acquire (invocation)
  "Adds this thread to the users of the streams, unless they are closed. Returns whether it was added."
  (loop for users = (invocation-users invocation)
        until (zerop users)
          thereis (eql users (sb-ext:compare-and-swap (invocation-users invocation) users (1+ users)))))

(defun release (invocation)
  "Removes this thread from the users of the streams. The last user closes them."
  (when (= 1 (sb-ext:atomic-decf (invocation-users invocation)))
    (dolist (stream (invocation-streams invocation))
      (close stream :abort t))))

(defun stream-named (symbol standard)
  "A stream to the value of SYMBOL, or the log's stream if there is none."
  (if symbol
      (make-synonym-stream symbol)
      (sb-ext:symbol-global-value standard)))

(defun call-in-invocation (invocation function arguments)
  "Calls FUNCTION as a part of INVOCATION, in a thread or for a timer."
  (let ((is-user (acquire invocation)))
    (unwind-protect
         (let ((*invocation* invocation)
               (sb-ext:*invoke-debugger-hook* #'fail)
               (sb-sys:*stdin* (stream-named (invocation-input invocation) 'sb-sys:*stdin*))
               (sb-sys:*stdout* (stream-named (invocation-output invocation) 'sb-sys:*stdout*)))
           (apply function arguments))
      (when is-user
        (release invocation)))))

(defun call-as-invocation (function)
  "Calls FUNCTION in the main thread as an invocation. Returns its value, and the failure if it failed."
  (let ((*invocation* (make-invocation)))
    (unwind-protect (call-guarded function)
      (setf (invocation-ended *invocation*) t))))

(defun call-timer (invocation function)
  "Calls the FUNCTION of a timer that INVOCATION has scheduled."
  (flet ((call ()
           (call-in-invocation invocation function '())))
    (if (and (invocation-ended invocation) (eq sb-thread:*current-thread* **main-thread**))
        ;; the timer interrupts another event, which must not fail or exit because of it
        (let ((failure (nth-value 1 (call-guarded (lambda () (catch 'exited (call)))))))
          (when failure
            (log-failure "a timer of an earlier event" failure)))
        (call))))

(defun make-thread (make function &rest options)
  "Replaces SB-THREAD:MAKE-THREAD, which is MAKE."
  (let ((invocation *invocation*) (function (funcall 'in-scope (coerce function 'function))))
    (apply make
           (if invocation
               (lambda (&rest arguments) (call-in-invocation invocation function arguments))
               function)
           options)))

(defun interrupt-thread (interrupt thread function)
  "Replaces SB-THREAD:INTERRUPT-THREAD, which is INTERRUPT."
  (let ((invocation *invocation*))
    (funcall interrupt thread
             (if invocation
                 (lambda () (call-in-invocation invocation function '()))
                 function))))

(defun make-interruptor (make timer)
  "Replaces SB-IMPL::MAKE-CANCELLABLE-INTERRUPTOR, which is MAKE. SBCL calls it when TIMER is scheduled, for the
functions that run and cancel the timer."
  (multiple-value-bind (run cancel) (funcall make timer)
    (let ((invocation *invocation*))
      (values (if invocation (lambda () (call-timer invocation run)) run)
              cancel))))

(defun exit-invocation (exit &rest options &key code abort &allow-other-keys)
  "Replaces SB-EXT:EXIT, which is EXIT."
  (let ((invocation *invocation*)
        ;; the status as the system reports it
        (status (if (integerp code) (ldb (byte 8 0) code) 0)))
    (cond ((or abort (null invocation) (not (invocation-exits invocation)))
           (apply exit options))
          ((eq sb-thread:*current-thread* **main-thread**)
           (throw 'exited status))
          (t
           (let ((*invocation* nil))
             (sb-thread:interrupt-thread **main-thread**
                                         (lambda ()
                                           (when (and (eq *invocation* invocation) (invocation-catches invocation))
                                             (throw 'exited status)))))
           (sb-thread:abort-thread)))))

(defvar *around-forms* nil
  "A function that is called for each form at the top level of a script: with a function that evaluates it, and the form.")

(defun evaluate (evaluate form &rest more)
  "Replaces SB-IMPL::EVAL-TLF, which is EVALUATE: LOAD calls it for the forms of source."
  (if *around-forms*
      (funcall *around-forms* (lambda () (apply evaluate form more)) form)
      (apply evaluate form more)))

(defun disable-debugger (disable)
  "Replaces SB-EXT:DISABLE-DEBUGGER, which is DISABLE: it would remove the hook that turns errors into failures."
  (unless *invocation*
    (funcall disable)))

;;; Each of these takes SBCL up to 15 ms. A saved core already contains them.
(sb-int:encapsulate 'sb-thread:make-thread 'invocation #'make-thread)
(sb-int:encapsulate 'sb-thread:interrupt-thread 'invocation #'interrupt-thread)
(sb-int:encapsulate 'sb-impl::make-cancellable-interruptor 'invocation #'make-interruptor)
(sb-int:encapsulate 'sb-ext:exit 'invocation #'exit-invocation)
(sb-int:encapsulate 'sb-impl::eval-tlf 'invocation #'evaluate)
(sb-int:encapsulate 'sb-ext:disable-debugger 'invocation #'disable-debugger)

(defun call-catching-exit (function)
  "Calls FUNCTION. Returns the exit status of FUNCTION or of one of its threads; 0 if it returns."
  (let ((invocation *invocation*))
    (catch 'exited
      (unwind-protect
           (progn
             (setf (invocation-exits invocation) t
                   (invocation-catches invocation) t)
             (funcall function))
        (setf (invocation-catches invocation) nil))
      0)))
