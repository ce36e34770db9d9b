;;;; What goes wrong in handlers, as the caller gets it: the condition's type, its report, the backtrace.
;;;;
;;;; A handler fails where the debugger would be entered, so that SIGNAL, WARN, HANDLER-CASE, restarts and
;;;; *DEBUGGER-HOOK* mean what they always mean.

(in-package #:lambda-script-runtime)

(defconstant +frames+ 100
  "The most lines of a backtrace.")

(defconstant +longest-line+ 400
  "The most characters of a line of a backtrace.")

(defconstant +longest-message+ 65536
  "The most characters of a message.")

(defstruct (failure (:constructor make-failure (type message backtrace)))
  "An error to be sent: strings, and a list of strings."
  type message backtrace)

(defvar *fails-here* nil
  "Whether the thread is inside of CALL-GUARDED.")

(defun shortened (string limit)
  "STRING, cut at LIMIT."
  (if (> (length string) limit)
      (concatenate 'string (subseq string 0 limit) "...")
      string))

(defmacro with-sober-printing (&body body)
  "Prints for people, whatever the user has set: names as CL-USER sees them, nothing that is endless, nothing over
several lines."
  `(with-standard-io-syntax
     (let ((*print-readably* nil) (*print-pretty* nil) (*print-length* 50) (*print-level* 6))
       ,@body)))

(defun type-name (condition)
  "The type of CONDITION, in ASCII, as it also goes into a header."
  (with-sober-printing
    (substitute-if-not #\? (lambda (character) (char<= #\Space character #\~))
                       (prin1-to-string (type-of condition)))))

(defun report (condition)
  "What CONDITION says of itself."
  (handler-case
      (with-sober-printing
        (let ((*print-escape* nil))
          (shortened (princ-to-string condition) +longest-message+)))
    (serious-condition ()
      (format nil "a ~A, whose report cannot be printed" (type-name condition)))))

(defun own-frame-p (name)
  "Whether a frame of this name is one of the shim's."
  (typecase name
    (null nil)
    (symbol (eq (symbol-package name) (load-time-value (find-package '#:lambda-script-runtime))))
    (cons (or (own-frame-p (car name)) (own-frame-p (cdr name))))))

(defun frame-line (frame)
  "A frame, a list of its function's name and arguments, as a line."
  (handler-case
      (with-sober-printing
        ;; of an event of six megabytes only the beginning is printed
        (let* ((sb-ext:*print-vector-length* 80)
               (line (prin1-to-string frame)))
          (shortened (substitute #\Space #\Newline line) +longest-line+)))
    (serious-condition () (format nil "(~A ...)" (ignore-errors (prin1-to-string (first frame)))))))

(defun backtrace ()
  "The frames from the one that failed out to the handler's, as lines."
  (flet ((signals-p (frame)
           (member (first frame) '("ERROR" "CERROR" "BREAK" "%BREAK" "INVOKE-DEBUGGER")
                   :test (lambda (name signals) (and (symbolp name) (string= name signals))))))
    (let* ((frames (sb-debug:list-backtrace :from :interrupted-frame :count +frames+))
           ;; where SBCL does not find the interrupted frame, the debugger's come first
           (inner (or (member 'invoke-debugger frames :key #'first) frames))
           (inner (member-if-not #'signals-p inner)))
      (mapcar #'frame-line (ldiff inner (member-if #'own-frame-p inner :key #'first))))))

(defvar *credentials* '()
  "The values of the credentials in the environment: bootstrap names their variables.")

(defun masked (string)
  "STRING without the credentials, which stand among the arguments of a backtrace. For what this image logs itself:
bootstrap masks the errors that it gets."
  (dolist (secret *credentials* string)
    (loop with head = (subseq secret 0 16)
          for start = (search head string)
          while start
          do (let ((end (mismatch string secret :start1 start)))
               (setf string (concatenate 'string (subseq string 0 start) "***"
                                         (if end (subseq string end) "")))))))

(defun failure-of (condition)
  "The failure that CONDITION makes, here where it was signalled."
  (make-failure (type-name condition) (report condition) (backtrace)))

(defvar *failure-of* #'failure-of
  "Makes a failure of a condition, where it was signalled.")

(defun fail (condition hook)
  "Takes the place of the debugger. In a thread that the handler has started, the thread ends."
  (declare (ignore hook))
  (when *debugger-hook*
    (let ((hook *debugger-hook*) (*debugger-hook* nil))
      (funcall hook condition hook)))
  (let ((failure (funcall *failure-of* condition)))
    (when *fails-here*
      (throw 'failed failure))
    (with-sober-printing
      (let ((*print-length* nil))
        (format *error-output* "~&thread ~A ended: ~A: ~A~%~{~A~%~}"
                (sb-thread:thread-name sb-thread:*current-thread*)
                (failure-type failure) (masked (failure-message failure))
                (mapcar #'masked (failure-backtrace failure)))))
    (finish-output *error-output*)
    (sb-thread:abort-thread)))

(defun call-guarded (function &rest arguments)
  "Calls FUNCTION. Gives its value, and the failure if it failed."
  (values nil
          (catch 'failed
            (let ((*fails-here* t)
                  (sb-ext:*invoke-debugger-hook* #'fail))
              (restart-case (return-from call-guarded (apply function arguments))
                (abort ()
                  :report "End this event with an error."
                  (make-failure "ABORT" "the handler invoked the restart ABORT" '())))))))

(defun write-json-string (string stream)
  "Writes STRING as JSON."
  (write-char #\" stream)
  (loop for character across string
        for code = (char-code character)
        do (cond ((find character "\"\\") (write-char #\\ stream) (write-char character stream))
                 ((< code 32) (format stream "\\u~4,'0X" code))
                 (t (write-char character stream))))
  (write-char #\" stream))

(defun json (failure)
  "FAILURE as a JSON object."
  (with-sober-printing
    (with-output-to-string (stream)
      (format stream "{\"errorType\":")
      (write-json-string (failure-type failure) stream)
      (format stream ",\"errorMessage\":")
      (write-json-string (failure-message failure) stream)
      (format stream ",\"stackTrace\":[")
      (loop for (line . more) on (failure-backtrace failure)
            do (write-json-string line stream)
               (when more (write-char #\, stream)))
      (format stream "]}"))))
