;;;; Runs events: reads them from the request pipe, calls the handler, and writes answers to the report pipe.

(in-package #:lambda-script-runtime)

(defvar *requests*)
(defvar *reports*)

(defvar *version* nil
  "The digest of the shim's source in a saved core.")

(defun flush ()
  "Writes out the log of handlers."
  (loop for stream in (list *standard-output* *error-output* *trace-output* *terminal-io*
                            sb-sys:*stdout* sb-sys:*stderr*)
        ;; a handler may have closed it
        do (ignore-errors (finish-output stream))))

(defun send-failure (failure)
  "Reports that the event, or the init, failed."
  (send-text *reports* "failure" (json failure)))

(defun check-answer (value)
  "VALUE, if it can be sent."
  (typecase value
    ((or string (vector (unsigned-byte 8)) exited) value)
    (null "")
    (t (error 'simple-type-error
              :datum value :expected-type '(or string (vector (unsigned-byte 8)))
              :format-control "the handler answered ~S, of type ~S: it must return a string or a vector ~
                               of octets, (UNSIGNED-BYTE 8)"
              :format-arguments (list value (type-of value))))))

(defun stream-answer (answer)
  "Writes a whole answer to the pipe for streamed answers."
  (let ((descriptor (answer-descriptor)))
    (unwind-protect
         (if (stringp answer)
             (send-characters (make-pipe descriptor) (coerce answer 'text) 0)
             (write-octets descriptor (coerce answer 'octets) 0 (length answer)))
      (sb-unix:unix-close descriptor))))

(defun send-answer (answer)
  "Reports the answer."
  (when (and *answer-path* (plusp (length answer)))
    (stream-answer answer)
    (setf answer ""))
  (if (stringp answer)
      (send-text *reports* "answer" answer)
      (send-octets *reports* "answer" answer)))

(defun receive-event (length convention)
  "Reads the event in the form of CONVENTION."
  (if (member convention '("octets" "standard-io") :test #'string=)
      (receive-octets *requests* length)
      (multiple-value-bind (event malformed) (receive-text *requests* length)
        (when malformed
          (format *error-output* "~&the event is not UTF-8: what could not be decoded became U+FFFD; ~
                                  SCRIPT_RUNTIME_LISP_CONVENTION=octets gives it as it is~%"))
        event)))

(defun answer-event (caller event)
  "Runs one event and reports its answer, or its failure. The package and the syntax are bound, as by LOAD and EVAL, so
that a handler sets them only for its event."
  (change-to-task-root)
  (renew-streams)
  (multiple-value-bind (answer failure)
      (let ((*package* (find-package '#:common-lisp-user)) (*readtable* *readtable*))
        (call-as-invocation
         (lambda () (check-answer (call-durably caller event aws-lambda-runtime:*header-alist*)))))
    (flush)
    (cond (failure (send-failure failure))
          ((exited-p answer) (send-text *reports* "exited" (exit-report answer)))
          (t (send-answer answer)))))

(defconstant +nursery+ 16777216
  "How much may be allocated before SBCL collects garbage within an event, in bytes. By default, SBCL uses a part of the
heap: a function with much memory would allocate a hundred megabytes first.")

(defvar *allocated* 0
  "How much had been allocated when garbage was last collected between events, in bytes.")

(defvar *collections* 0
  "How often garbage has been collected between events.")

(defun collect-garbage ()
  "Collects garbage between two events if a sixteenth of the nursery is used, so that few events wait for it. Up to
generation 1 the room stays mapped, so that the next events do not fault it in again; up to generation 2 it goes back to
the system, so that a large event leaves nothing behind."
  (let ((used (- (sb-ext:get-bytes-consed) *allocated*)) (nursery (sb-ext:bytes-consed-between-gcs)))
    (when (> used (ash nursery -4))
      ;; lets bootstrap post the answer first, also on a single processor
      (sb-thread:thread-yield)
      (sb-ext:gc :gen (if (or (> used (ash nursery -1)) (zerop (mod (incf *collections*) 16))) 2 1))
      (setf *allocated* (sb-ext:get-bytes-consed)))))

(defun checkpoint ()
  "Calls the hooks before a snapshot, and collects garbage to make it small."
  (mapc #'funcall aws-lambda-runtime:*before-checkpoint-hooks*)
  (sb-ext:gc :full t))

(defun restore ()
  "Sets a new random state in this copy of a snapshot, and calls the hooks."
  (setf *random-state* (make-random-state t))
  (mapc #'funcall (reverse aws-lambda-runtime:*after-restore-hooks*)))

(defun run-shutdown-hooks ()
  "Calls the hooks for the shutdown."
  (mapc #'funcall aws-lambda-runtime:*shutdown-hooks*))

(defun take-step (step)
  "Runs the hooks before or after a snapshot, or for the shutdown. Reports that they have run, or their failure."
  (change-to-task-root)
  (renew-streams)
  (let ((failure (nth-value 1 (call-as-invocation step))))
    (flush)
    (if failure
        (send-failure failure)
        (send-text *reports* "ready" ""))))

(defvar *frames*
  (loop for name in '("context" "event" "checkpoint" "restore" "shutdown")
        collect (cons (octets-of name) (intern (string-upcase name) '#:keyword)))
  "An alist: the names of the frames of bootstrap and their keywords.")

(defun serve-frame (caller convention)
  "Reads and handles the next frame. CALLER takes the event and the headers."
  (multiple-value-bind (name length) (receive-head *requests* *frames*)
    (ecase name
      (:context (call-with-payload #'set-context *requests* length))
      (:event
       (answer-event caller (receive-event length convention))
       (collect-garbage))
      (:checkpoint (take-step #'checkpoint))
      (:restore (take-step #'restore))
      (:shutdown (take-step #'run-shutdown-hooks)))))

(defun serve (caller convention)
  "Answers requests until bootstrap ends."
  (loop (serve-frame caller convention)))

(defun rehearse ()
  "Answers an event of its own, into nowhere, so that the first of a caller does not wait until the pages of all this
are there. It calls no handler, and leaves nothing behind."
  (let ((*requests* (make-pipe -1)) (*reports* (open-pipe "/dev/null" sb-unix:o_wronly))
        (*event-variables* '()) (*header-names* '()) (*answer-path* nil)
        (frames (octets-of (format nil "context 40~%_REHEARSED=1~%_REHEARSED~%~%content-type: ~%event 8~%rehearse"))))
    (replace (pipe-buffer *requests*) frames)
    (setf (pipe-end *requests*) (length frames))
    (loop repeat 2
          do (serve-frame (lambda (event headers) (declare (ignore headers)) event) "string"))
    (setf aws-lambda-runtime:*header-alist* '())
    (sb-unix:unix-close (pipe-descriptor *reports*))))

(defun library-function (library name)
  "The function NAME of a JSON library, whose package has the same name. Ends init if it is not loaded."
  (unless (find-package library)
    (ignore-errors (asdf:load-system (string-downcase library))))
  (let ((package (find-package library)))
    (unless package
      (fail-init "InvalidConfiguration"
                 "SCRIPT_RUNTIME_LISP_CONVENTION is `~(~A~)`, and that library is neither in the Lisp core nor ~
                  in the task root: build a core with it, or ship it in a bundle"
                 library))
    (or (find-symbol name package)
        (fail-init "InvalidConfiguration" "the package ~A has no ~A" library name))))

(defun required-arguments (designator)
  "The number of a function's arguments if it has only required ones; NIL if it has others, or if that is unknown."
  (let* ((function (if (functionp designator) designator (fdefinition designator)))
         (lambda-list (if (typep function 'generic-function)
                          (sb-mop:generic-function-lambda-list function)
                          (sb-kernel:%fun-lambda-list function))))
    (when (listp lambda-list)
      (let ((others (member-if (lambda (item) (member item lambda-list-keywords)) lambda-list)))
        ;; only further positional parameters matter
        (unless (intersection '(&optional &rest sb-int:&more) others)
          (length (ldiff lambda-list others)))))))

(defun of-event-and-headers (function)
  "FUNCTION as a function of event and headers: called with only the event, or without arguments, if it takes no more."
  (case (required-arguments function)
    (0 (lambda (event headers) (declare (ignore event headers)) (funcall function)))
    (1 (lambda (event headers) (declare (ignore headers)) (funcall function event)))
    (t function)))

(defun main-function (function)
  "A script's main as a function without arguments: that of cl-launch takes the list of arguments, which is empty."
  (if (eql 1 (required-arguments function))
      (lambda () (funcall function '()))
      function))

(defun caller (function convention kind)
  "A function of event and headers that calls FUNCTION, of a handler of this KIND, by CONVENTION."
  (if (string= convention "standard-io")
      (let ((main (main-function function)))
        (lambda (event headers)
          (declare (ignore headers))
          (call-with-standard-streams main event (string= kind "script"))))
      (let ((function (of-event-and-headers function)))
        (cond ((string= convention "stream")
               (lambda (event headers)
                 (call-with-standard-streams (lambda () (funcall function event headers))
                                             (make-array 0 :element-type '(unsigned-byte 8)) nil)))
              ((string= convention "jsown")
               (let ((parse (library-function "JSOWN" "PARSE")) (write (library-function "JSOWN" "TO-JSON")))
                 (lambda (event headers)
                   (funcall write (funcall function (funcall parse event) headers)))))
              ((string= convention "yason")
               (let ((parse (library-function "YASON" "PARSE")) (encode (library-function "YASON" "ENCODE")))
                 (lambda (event headers)
                   (with-output-to-string (stream)
                     (funcall encode (funcall function (funcall parse event) headers) stream)))))
              (t function)))))

(defun prepare (kind file text convention)
  "Prepares the image for the function, and returns the caller of its handler."
  (set-variables)
  ;; UIOP still has the home and the cache of the machine that saved the core
  (when *version*
    (uiop:call-image-restore-hook))
  (renew-streams t)
  (setf (sb-ext:bytes-consed-between-gcs) (min +nursery+ (sb-ext:bytes-consed-between-gcs))
        *random-state* (make-random-state t)
        sb-ext:*posix-argv* (list (first sb-ext:*posix-argv*))
        *root* (uiop:native-namestring (uiop:getcwd))
        *task-root* (sb-ext:string-to-octets aws-lambda-runtime:*lambda-task-root* :null-terminate t))
  (pushnew (uiop:getcwd) asdf:*central-registry* :test #'equal)
  (setf *function* (find-handler kind file text))
  (caller *function* convention kind))

(defun check-version (version)
  "Ends init if this core was built for another bootstrap."
  (unless (member *version* (list nil version) :test #'equal)
    (fail-init "InvalidConfiguration"
               "the Lisp core was built for another version of bootstrap (shim ~A, not ~A): build it again ~
                with `make lisp-core`, or unset SCRIPT_RUNTIME_LISP_CORE"
               *version* version)))

(defun start ()
  "Runs the worker. SBCL's arguments: this source or nothing, its version, the calling convention, the handler's kind,
file and text, the variables of credentials; then the directory of bootstrap's descriptors, the numbers of the request
pipe and of the report pipe, and that of the pipe for answers, or `-` where they are not streamed."
  (let* ((arguments (cddr sb-ext:*posix-argv*))
         (pipes (nthcdr 6 arguments)))
    (flet ((path (number)
             (format nil "~A/~A" (first pipes) number)))
      (setf *requests* (open-pipe (path (second pipes)) sb-unix:o_rdonly)
            *reports* (open-pipe (path (third pipes)) sb-unix:o_wronly)
            *answer-path* (and (string/= (fourth pipes) "-") (path (fourth pipes)))))
    (setf *handler* (sb-ext:posix-getenv "_HANDLER")
          sb-ext:*invoke-debugger-hook* #'fail
          *credentials* (remove-if-not (lambda (value) (>= (length value) 16))
                                       (mapcar #'sb-ext:posix-getenv (read-from-string (sixth arguments)))))
    (setf **main-thread** sb-thread:*current-thread*)
    (multiple-value-bind (caller failure)
        (call-as-invocation (lambda ()
                              (check-version (first arguments))
                              (destructuring-bind (convention kind file text) (subseq arguments 1 5)
                                (prepare kind file text convention))))
      (flush)
      (when failure
        (send-failure failure)
        (sb-ext:exit :code 1 :abort t))
      (rehearse)
      (when aws-lambda-runtime:*shutdown-hooks*
        (send-text *reports* "shutdown-hook" ""))
      (send-text *reports* "ready" "")
      (setf *package* (find-package '#:common-lisp-user))
      (serve caller (second arguments)))))
