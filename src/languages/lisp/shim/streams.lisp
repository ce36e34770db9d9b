;;;; Standard streams: SBCL's own, of which closed ones are created again for each event, and the input and output of
;;;; scripts, on files in memory. The output of a streamed answer is a pipe of bootstrap.

(in-package #:lambda-script-runtime)

(defstruct (exited (:constructor make-exited (status)))
  "The end of a script that has exited with a status other than 0."
  (status 0 :type integer))

(defun exit-report (exited)
  "The payload of the frame that reports it."
  (with-sober-printing
    (format nil "0 ~D" (exited-status exited))))

(defconstant +memfd-create+ #+x86-64 319 #+arm64 279 #-(or x86-64 arm64) 0
  "The number of the system call: older C libraries have no function for it.")

(defconstant +duplicate+ 1030
  "The command of fcntl that duplicates a descriptor, closed by exec.")

(defun duplicate (descriptor)
  "Another number for DESCRIPTOR, above 2."
  (call-c "fcntl" sb-alien:int (sb-alien:int descriptor) (sb-alien:int +duplicate+) (sb-alien:int 3)))

(defun memory-file ()
  "The descriptor of a new file in memory."
  (let ((descriptor (call-c "syscall" sb-alien:long (sb-alien:long +memfd-create+) (sb-alien:c-string "event")
                            (sb-alien:unsigned-long 1))))
    (when (minusp descriptor)
      (error "there is no memory for the event's streams: ~A" (sb-int:strerror)))
    descriptor))

(defvar *answer-path* nil
  "The path of the pipe for streamed answers, or NIL.")

(defun answer-descriptor ()
  "The pipe for the current answer."
  (open-descriptor *answer-path* sb-unix:o_wronly))

(defun descriptor-stream (descriptor &rest options)
  "A stream of characters and octets, like SBCL's own standard streams."
  (apply #'sb-sys:make-fd-stream descriptor
         :element-type :default :auto-close nil
         :external-format '(:utf-8 :replacement #\REPLACEMENT_CHARACTER)
         options))

(defvar *descriptors*
  '((sb-sys:*stdin* 0 :name "standard input" :input t)
    (sb-sys:*stdout* 1 :name "standard output" :output t)
    (sb-sys:*stderr* 2 :name "standard error" :output t))
  "SBCL's streams, and their constructors.")

(defvar *synonyms*
  '((*standard-input* . sb-sys:*stdin*) (*standard-output* . sb-sys:*stdout*) (*error-output* . sb-sys:*stderr*)
    (*trace-output* . sb-sys:*stderr*) (*terminal-io* . sb-sys:*tty*) (*query-io* . *terminal-io*)
    (*debug-io* . *terminal-io*)
    (uiop:*stdin* . sb-sys:*stdin*) (uiop:*stdout* . sb-sys:*stdout*) (uiop:*stderr* . sb-sys:*stderr*))
  "The standard streams of Common Lisp and of UIOP, and the variables of which they are synonyms.")

(defun is-open (symbol)
  "Whether the value of SYMBOL is an open stream."
  (let ((stream (symbol-value symbol)))
    (and (streamp stream) (open-stream-p stream))))

(defun renew-streams (&optional all)
  "Creates the standard streams again that an earlier event has closed; at init ALL, since there is no terminal. They
have separate descriptors, so that 0, 1 and 2 stay open for children."
  (flet ((renew (symbol make)
           (when (or all (not (is-open symbol)))
             (setf (symbol-value symbol) (funcall make))
             t)))
    (loop for (symbol descriptor . options) in *descriptors*
          do (when (renew symbol (lambda ()
                                   (apply #'descriptor-stream (duplicate descriptor) :buffering :line options)))
               (close sb-sys:*tty*)))
    (renew 'sb-sys:*tty* (lambda () (make-two-way-stream sb-sys:*stdin* sb-sys:*stdout*)))
    (loop for (symbol . target) in *synonyms*
          do (renew symbol (lambda () (make-synonym-stream target))))))

(defun read-back (descriptor)
  "The content of a file in memory, as octets."
  (let ((size (sb-unix:unix-lseek descriptor 0 sb-unix:l_xtnd)))
    (sb-unix:unix-lseek descriptor 0 sb-unix:l_set)
    (fill-octets descriptor (make-array size :element-type '(unsigned-byte 8)) 0)))

(defun open-streams (invocation input output)
  "Makes these the standard input and output of INVOCATION."
  (flet ((named (name stream)
           (let ((symbol (make-symbol name)))
             (setf (symbol-value symbol) stream)
             symbol)))
    (setf (invocation-input invocation) (named "INPUT" input)
          (invocation-output invocation) (named "OUTPUT" output)
          (invocation-streams invocation) (list input output))))

(defun end-streams (invocation output)
  "Ends the streams of INVOCATION. Threads that it leaves behind get the log's streams. For a thread that is just
writing to OUTPUT, the descriptor of OUTPUT becomes the log's."
  (setf (symbol-value (invocation-input invocation)) (sb-ext:symbol-global-value 'sb-sys:*stdin*)
        (symbol-value (invocation-output invocation)) (sb-ext:symbol-global-value 'sb-sys:*stdout*))
  (sb-thread:barrier (:memory))
  (when (and (> (invocation-users invocation) 1) (open-stream-p output))
    (call-c "dup2" sb-alien:int (sb-alien:int 1) (sb-alien:int (sb-sys:fd-stream-fd output))))
  (release invocation))

(defun finish (stream)
  "Writes out the buffer of STREAM, unless it is closed."
  (handler-case (finish-output stream)
    (sb-int:closed-stream-error ())))

(defun call-with-standard-streams (function event exits)
  "Calls FUNCTION with the octets of EVENT as standard input. Returns its standard output as octets, or none if it is
streamed. EXITS: FUNCTION may exit with a status, like a program."
  (let* ((invocation *invocation*)
         (input-file (memory-file))
         (output-file (if *answer-path* (answer-descriptor) (memory-file)))
         (input (descriptor-stream input-file :input t :buffering :full))
         ;; a handler may close its stream before the answer is read
         (output (descriptor-stream (if *answer-path* output-file (duplicate output-file))
                                    ;; streamed answers are sent line by line, as on SBCL's own standard output
                                    :output t :buffering (if *answer-path* :line :full)))
         (status 0))
    (write-octets input-file event 0 (length event))
    (sb-unix:unix-lseek input-file 0 sb-unix:l_set)
    (open-streams invocation input output)
    (unwind-protect
         (let ((sb-sys:*stdin* input) (sb-sys:*stdout* output))
           (if exits
               (setf status (call-catching-exit function))
               (funcall function))
           (finish *standard-output*)
           (finish output)
           (cond ((not (eql status 0)) (make-exited status))
                 (*answer-path* "")
                 (t (read-back output-file))))
      ;; a streamed answer contains text that was written before an error
      (when *answer-path*
        (ignore-errors (finish output)))
      (end-streams invocation output)
      (unless *answer-path*
        (sb-unix:unix-close output-file)))))
