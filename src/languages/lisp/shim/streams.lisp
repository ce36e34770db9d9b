;;;; Standard input and output of scripts: streams of SBCL's own, of characters and octets, on files in memory. Where
;;;; answers are streamed, the output is a pipe of bootstrap.
;;;;
;;;; They are the global ones for as long as the event runs, so that threads of the script have them too.

(in-package #:lambda-script-runtime)

(defstruct (exited (:constructor make-exited (status)))
  "The end of a script that has asked for a status which is not 0."
  (status 0 :type integer))

(defun exit-report (exited)
  "The payload of the frame that tells it."
  (with-sober-printing
    (format nil "0 ~D" (exited-status exited))))

(defconstant +memfd-create+ #+x86-64 319 #+arm64 279 #-(or x86-64 arm64) 0
  "The number of the system call, which older C libraries have no function for.")

(defun memory-file ()
  "The descriptor of a new file in memory."
  (let ((descriptor (call-c "syscall" sb-alien:long (sb-alien:long +memfd-create+) (sb-alien:c-string "event")
                            (sb-alien:unsigned-long 1))))
    (when (minusp descriptor)
      (error "there is no memory for the event's streams: ~A" (sb-int:strerror)))
    descriptor))

(defvar *answer-path* nil
  "Where answers are streamed: the path of the pipe for the current one.")

(defun answer-pipe ()
  "The pipe for the current answer."
  (open-pipe *answer-path* sb-unix:o_wronly))

(defun descriptor-stream (descriptor &rest options)
  "A stream of characters and octets, as SBCL's own standard streams are."
  (apply #'sb-sys:make-fd-stream descriptor
         :element-type :default :auto-close nil
         :external-format '(:utf-8 :replacement #\REPLACEMENT_CHARACTER)
         options))

(defun read-back (descriptor)
  "The content of a file in memory, as octets."
  (let* ((size (sb-unix:unix-lseek descriptor 0 sb-unix:l_xtnd))
         (octets (make-array size :element-type '(unsigned-byte 8)))
         (pipe (make-pipe descriptor)))
    (sb-unix:unix-lseek descriptor 0 sb-unix:l_set)
    (loop with filled = 0
          while (< filled size)
          do (setf filled (receive pipe octets filled size)))
    octets))

(defun call-catching-exit (function)
  "Calls FUNCTION. Gives the status that it has asked SBCL to exit with; 0 if it returns."
  (let ((returned nil))
    (catch 'sb-impl::%end-of-the-world
      (funcall function)
      (setf returned t))
    (cond (returned 0)
          (t
           ;; EXIT takes it for good
           (sb-thread:release-mutex sb-impl::*exit-lock*)
           (shiftf sb-impl::*exit-in-progress* nil)))))

(defun call-with-standard-streams (function event exits)
  "Calls FUNCTION with the octets of EVENT as standard input, and gives what it writes to standard output as octets; none
where that is streamed. EXITS says that it may ask for a status, as a program does."
  (let* ((input-file (memory-file))
         (output-file (if *answer-path* (pipe-descriptor (answer-pipe)) (memory-file)))
         (input (descriptor-stream input-file :input t :buffering :full))
         ;; what is streamed is seen line by line, as on SBCL's own standard output
         (output (descriptor-stream output-file :output t :buffering (if *answer-path* :line :full)))
         (log sb-sys:*stdout*) (nothing sb-sys:*stdin*)
         (status 0))
    (unwind-protect
         (progn
           (send (make-pipe input-file) event 0 (length event))
           (sb-unix:unix-lseek input-file 0 sb-unix:l_set)
           (setf sb-sys:*stdin* input sb-sys:*stdout* output)
           (if exits
               (setf status (call-catching-exit function))
               (funcall function))
           (finish-output *standard-output*)
           (finish-output output)
           (cond ((not (eql status 0)) (make-exited status))
                 (*answer-path* "")
                 (t (read-back output-file))))
      (setf sb-sys:*stdin* nothing sb-sys:*stdout* log)
      (close input :abort t)
      ;; of an answer that is streamed, what was written before an error counts
      (when *answer-path*
        (ignore-errors (finish-output output)))
      (close output :abort t))))
