;;;; Errors of handlers for the caller: the condition's type, its report, the backtrace.
;;;;
;;;; A handler fails when SBCL would enter the debugger. SIGNAL, WARN, HANDLER-CASE, restarts and *DEBUGGER-HOOK* work
;;;; as usual.

(in-package #:lambda-script-runtime)

(defconstant +frames+ 100
  "The most lines of a backtrace.")

(defconstant +longest-line+ 400
  "The most characters of a line of a backtrace.")

(defconstant +longest-message+ 65536
  "The most characters of a message.")

(defstruct (failure (:constructor make-failure (type message backtrace)))
  "An error to send: strings, and a list of strings."
  type message backtrace)

(defvar *fails-here* nil
  "Whether the thread is inside of CALL-GUARDED.")

(defun shortened (string limit)
  "STRING, cut at LIMIT."
  (if (> (length string) limit)
      (concatenate 'string (subseq string 0 limit) "...")
      string))

(defmacro with-sober-printing (&body body)
  "Prints for messages, whatever the user has set: names as in CL-USER, nothing endless, on one line."
  `(with-standard-io-syntax
     (let ((*print-readably* nil) (*print-pretty* nil) (*print-length* 50) (*print-level* 6))
       ,@body)))

(defun type-name (condition)
  "The type of CONDITION, in ASCII, because it also goes into a header."
  (with-sober-printing
    (substitute-if-not #\? (lambda (character) (char<= #\Space character #\~))
                       (prin1-to-string (type-of condition)))))

(defun report (condition)
  "The report of CONDITION."
  (handler-case
      (with-sober-printing
        (let ((*print-escape* nil))
          (shortened (princ-to-string condition) +longest-message+)))
    (serious-condition ()
      (format nil "a ~A, whose report cannot be printed" (type-name condition)))))

(defun own-frame-p (name)
  "Whether a frame of this name belongs to the shim."
  (typecase name
    (null nil)
    (symbol (eq (symbol-package name) (load-time-value (find-package '#:lambda-script-runtime))))
    (cons (or (own-frame-p (car name)) (own-frame-p (cdr name))))))

(defun shown (call)
  "A call, a list of the function's name and its arguments, on one line."
  (handler-case
      (with-sober-printing
        ;; only the beginning of a large event is printed
        (let* ((sb-ext:*print-vector-length* 80)
               (line (prin1-to-string call)))
          (shortened (substitute #\Space #\Newline line) +longest-line+)))
    (serious-condition () (format nil "(~A ...)" (ignore-errors (prin1-to-string (first call)))))))

(defun calls ()
  "The calls on the stack, the innermost first: SBCL's lists, each with its frame as the first element."
  (let ((start (sb-debug::backtrace-start-frame :interrupted-frame)) (frames '()))
    (sb-debug::map-backtrace (lambda (frame) (push frame frames)) :from start :count +frames+)
    (mapcar #'cons (nreverse frames) (sb-debug:list-backtrace :from start :count +frames+))))

(defvar *evaluators* '("%SIMPLE-EVAL" "SIMPLE-EVAL-IN-LEXENV" "EVAL-TLF" "LOAD-AS-SOURCE" "LOAD-AS-FASL")
  "The functions of SBCL that evaluate the forms of a file.")

(defun named-p (call names)
  "Whether CALL calls a function with one of these names."
  (let ((name (second call)))
    (and (symbolp name) (member name names :test #'string=))))

(defun stack (callers)
  "The calls from the failed one out to the handler's, or to one of CALLERS, each with its frame as the first element."
  (let* ((calls (calls))
         ;; if SBCL does not find the interrupted frame, the debugger's frames come first
         (inner (or (member-if (lambda (call) (named-p call '("INVOKE-DEBUGGER"))) calls) calls))
         (inner (member-if-not (lambda (call)
                                 (named-p call '("ERROR" "CERROR" "SIGNAL" "%SIGNAL" "BREAK" "%BREAK" "INVOKE-DEBUGGER")))
                               inner))
         (inner (ldiff inner (member-if (lambda (call) (named-p call callers)) inner)))
         (own (remove-if-not #'own-frame-p inner :key #'second)))
    (remove-if #'own-frame-p
               ;; the shim's outermost frame has called the handler; a timer has further inner frames of the shim
               (if (< (length calls) +frames+)
                   (ldiff inner (member (first (last own)) inner))
                   inner)
               :key #'second)))

(defvar *function* nil
  "The function that events call.")

(defun called-name (call condition)
  "The name that a file uses for the function of CALL."
  (if (and (typep condition 'undefined-function) (equal (second call) "undefined function"))
      (cell-error-name condition)
      (second call)))

(defun backtrace (condition &optional (callers '()))
  "The calls that led to CONDITION as lines, the innermost first, with their places. SBCL drops the frames of tail
calls: if a file calls a function only once, the place of that call is used, and the place of the handler's definition
is added."
  (with-sober-printing
    (let* ((cache (list nil))
           (handler (and *function* (place-of-definition *function* cache)))
           (stack (stack callers))
           (places (loop for (frame) in stack
                         collect (ignore-errors (place (sb-di:frame-code-location frame) cache))))
           (known (position-if #'identity places))
           (inner (1- (or known (length stack)))))
      (when (>= inner 0)
        (let ((place (place-of-call (called-name (nth inner stack) condition) cache)))
          (unless (and known (equal place (nth known places)))
            (setf (nth inner places) place))))
      (append (loop for (nil . call) in stack
                    for place in places
                    collect (format nil "~A~@[, ~A~]" (shown call) place))
              ;; CHECK-ANSWER: the handler has returned
              (when (and handler *fails-here* (null known) (not (find 'check-answer (calls) :key #'second)))
                (list (format nil "(~A ...), ~A" *function* handler)))))))

(defvar *credentials* '()
  "The values of the credentials in the environment; bootstrap sends the names of the variables.")

(defun masked (string)
  "STRING without the credentials, which a backtrace can have as arguments. For lines that this image logs itself:
bootstrap masks the errors that it gets."
  (dolist (secret *credentials* string)
    (loop with head = (subseq secret 0 16)
          for start = (search head string)
          while start
          do (let ((end (mismatch string secret :start1 start)))
               (setf string (concatenate 'string (subseq string 0 start) "***"
                                         (if end (subseq string end) "")))))))

(defun failure-of (condition)
  "The failure for CONDITION, created where it was signalled."
  (make-failure (type-name condition) (report condition) (backtrace condition)))

(defvar *failure-of* #'failure-of
  "Turns a condition into a failure, where it was signalled.")

(defun log-failure (subject failure)
  "Logs that SUBJECT, a thread or a timer, has failed. No event waits for it."
  (with-sober-printing
    (let ((*print-length* nil))
      (format sb-sys:*stderr* "~&~A ended: ~A: ~A~%~{~A~%~}" subject
              (failure-type failure) (masked (failure-message failure))
              (mapcar #'masked (failure-backtrace failure)))))
  (finish-output sb-sys:*stderr*))

(defun fail (condition hook)
  "Replaces the debugger. A thread that the handler has started ends."
  (declare (ignore hook))
  (when *debugger-hook*
    (let ((hook *debugger-hook*) (*debugger-hook* nil) (sb-ext:*invoke-debugger-hook* #'fail))
      (funcall hook condition hook)))
  (let ((failure (funcall *failure-of* condition)))
    (when *fails-here*
      (throw 'failed failure))
    (log-failure (format nil "thread ~A" (sb-thread:thread-name sb-thread:*current-thread*)) failure)
    (sb-thread:abort-thread)))

(defun call-guarded (function &rest arguments)
  "Calls FUNCTION. Returns its value, and the failure if it failed."
  (values nil
          (catch 'failed
            (let ((*fails-here* t)
                  (sb-ext:*invoke-debugger-hook* #'fail))
              (restart-case (return-from call-guarded (apply function arguments))
                (abort ()
                  :report "End this event with an error."
                  (make-failure "ABORT" "the handler invoked the restart ABORT" '())))))))

(defun quoted (string)
  "STRING as JSON."
  (with-output-to-string (stream)
    (write-char #\" stream)
    (loop for character across string
          for code = (char-code character)
          do (cond ((< code 32) (format stream "\\u~4,'0X" code))
                   (t (when (find character "\"\\")
                        (write-char #\\ stream))
                      (write-char character stream))))
    (write-char #\" stream)))

(defun json (failure)
  "FAILURE as a JSON object."
  (with-sober-printing
    (format nil "{\"errorType\":~A,\"errorMessage\":~A,\"stackTrace\":[~{~A~^,~}]}"
            (quoted (failure-type failure)) (quoted (failure-message failure))
            (mapcar #'quoted (failure-backtrace failure)))))
