;;;; The session of a durable event: the handler's requests go to bootstrap over a socket, as the head of
;;;; `src/durable/message.rs` describes. It also suspends the handler when bootstrap decides so.
;;;;
;;;; A suspension is a THROW to a tag that only the shim knows: it runs the cleanup forms of UNWIND-PROTECT, and no
;;;; handler, restart or CATCH of the user can stop it.

(in-package #:lambda-script-runtime)

(define-condition durable:durable-failed (error)
  ((name :initarg :name :reader durable:durable-failed-name :documentation "The name of the operation.")
   (type :initarg :type :reader durable:durable-failed-type :documentation "The type of its error, a string.")
   (message :initarg :message :reader durable:durable-failed-message :documentation "The report of its error.")
   (data :initarg :data :reader durable:durable-failed-data :documentation "Further data, a string or NIL."))
  (:report (lambda (condition stream) (write-string (durable:durable-failed-message condition) stream)))
  (:documentation "An operation has failed. It is signalled in the first run and in each replay."))

(define-condition durable:durable-refused (simple-error) ()
  (:documentation "An operation is not allowed here, or was called wrongly. Nothing was recorded."))

(defun refuse (format &rest arguments)
  "Signals that an operation is not allowed."
  (error 'durable:durable-refused :format-control format :format-arguments arguments))

(defstruct (session (:constructor make-session (socket)))
  "A durable event."
  (socket (octets-of "") :type octets)
  ;; whether bootstrap has said that the invocation is over, and whether the handler has ended
  (suspended nil)
  (over nil)
  ;; the strand of the main thread
  (main nil))

(defstruct (strand (:constructor make-strand (session)))
  "A thread of an event, and whether it has begun to unwind for a suspension."
  session
  (unwinding nil))

(defstruct scope
  "The place of a durable operation: a thread, the context around, and the step around, which may have no operations
inside. LINK is its connection, BUSY while a reply is waited for."
  strand
  (context "" :type string)
  (step nil)
  (attempt nil)
  (link nil)
  (busy nil))

(defun scope-session (scope)
  "The session of SCOPE."
  (strand-session (scope-strand scope)))

;;; Messages

(defun connect (path)
  "A connection to the socket of this PATH; NIL if the bootstrap no longer listens."
  (let ((descriptor (call-c "socket" sb-alien:int (sb-alien:int 1) (sb-alien:int (logior 1 +close-on-exec+)) (sb-alien:int 0)))
        (address (make-array 110 :element-type '(unsigned-byte 8) :initial-element 0)))
    (setf (aref address 0) 1)
    (replace address path :start1 2)
    (cond ((zerop (sb-sys:with-pinned-objects (address)
                    (call-c "connect" sb-alien:int (sb-alien:int descriptor)
                            (sb-sys:system-area-pointer (sb-sys:vector-sap address)) (sb-alien:int 110))))
           (make-pipe descriptor))
          (t
           (sb-unix:unix-close descriptor)
           nil))))

(defun close-link (scope)
  "Closes the connection of SCOPE. Bootstrap then knows that the bodies of this connection no longer run."
  (let ((link (shiftf (scope-link scope) nil)))
    (when link
      (sb-unix:unix-close (pipe-descriptor link)))))

(defun field-text (key value)
  "A field of a message. VALUE: text, a number, or T."
  (concatenate 'text key "="
               (etypecase value
                 (string value)
                 (integer (format nil "~D" value))
                 (real (format nil "~,6F" (coerce value 'double-float)))
                 ((eql t) "1"))))

(defun send-message (link verb fields)
  "Sends a message. FIELDS: keys and values; a key without a value is left out."
  (let* ((texts (cons (coerce verb 'text)
                      (loop for (key value) on fields by #'cddr
                            when value
                              collect (field-text key value))))
         (octets (make-array (+ 32 (loop for text in texts sum (+ 16 (encoded-length text))))
                             :element-type '(unsigned-byte 8)))
         (end 0))
    (flet ((put (text)
             (setf end (nth-value 1 (encode (coerce text 'text) 0 octets end)))))
      (put (format nil "~D~%" (length texts)))
      (dolist (text texts)
        (put (format nil "~D:" (encoded-length text)))
        (put text)
        (put ",")))
    (write-octets (pipe-descriptor link) octets 0 end)))

(defun next-octet (pipe)
  "Reads an octet."
  (when (= (pipe-start pipe) (pipe-end pipe))
    (fill-buffer pipe))
  (prog1 (aref (pipe-buffer pipe) (pipe-start pipe))
    (incf (pipe-start pipe))))

(defun receive-number (pipe end)
  "Reads a number, and the character END after it."
  (loop with number = 0
        for octet = (next-octet pipe)
        until (= octet (char-code end))
        do (setf number (+ (* 10 number) (- octet (char-code #\0))))
        finally (return number)))

(defun receive-message (link)
  "Reads a message: its verb, and an alist of keys and values."
  (destructuring-bind (verb . fields)
      (loop repeat (receive-number link #\Newline)
            collect (prog1 (values (receive-text link (receive-number link #\:)))
                      (next-octet link)))
    (cons verb (loop for field in fields
                     for equals = (position #\= field)
                     collect (cons (subseq field 0 equals) (subseq field (1+ equals)))))))

(defun value-of (key reply)
  "The value of KEY in REPLY; NIL if it is missing or empty."
  (let ((value (cdr (assoc key (rest reply) :test #'string=))))
    (and value (string/= value "") value)))

;;; Suspension

(defun unwind-main (session)
  "Unwinds the main thread, which runs the handler, and waits until the unwinding has begun."
  (let ((main (session-main session)))
    (flet ((unwinds-p ()
             (or (session-over session) (strand-unwinding main))))
      (let ((*invocation* nil))
        (sb-thread:interrupt-thread **main-thread**
                                    (lambda ()
                                      (unless (unwinds-p)
                                        (setf (strand-unwinding main) t)
                                        (throw session "")))))
      ;; the main thread may be in code without interrupts
      (loop repeat 1000
            until (unwinds-p)
            do (sleep 0.001)))))

(defun suspend (scope)
  "Ends this thread's part of the event, and the handler. Bootstrap drops the answer."
  (let* ((strand (scope-strand scope)) (session (strand-session strand)))
    (setf (session-suspended session) t
          (strand-unwinding strand) t)
    (cond ((eq sb-thread:*current-thread* **main-thread**)
           (throw session ""))
          (t
           (unless (session-over session)
             (unwind-main session))
           (sb-thread:abort-thread)))))

(defun call-in-scope (scope function &rest arguments)
  "Calls FUNCTION in SCOPE, whose connection is closed after it."
  (unwind-protect
       (let ((*scope* scope))
         (apply function arguments))
    (close-link scope)))

(defun scope-of-thread (session &optional (context "") step attempt)
  "The first scope of a thread."
  (make-scope :strand (make-strand session) :context context :step step :attempt attempt))

(defun failure-of-durable (condition)
  "The failure for CONDITION; for a failed operation, the operation's own error."
  (if (typep condition 'durable:durable-failed)
      (make-failure (durable:durable-failed-type condition) (report condition) (backtrace condition))
      (failure-of condition)))

(defun call-in-session (path caller event headers)
  "Calls CALLER with its arguments in a durable event, whose socket is PATH. A suspension ends the event with an empty
answer."
  (let* ((session (make-session (sb-ext:string-to-octets path)))
         (scope (scope-of-thread session))
         (*failure-of* #'failure-of-durable))
    (setf (session-main session) (scope-strand scope)
          **session** session)
    (sb-sys:without-interrupts
      (catch session
        (unwind-protect
             (sb-sys:with-local-interrupts
               (call-in-scope scope caller event headers))
          (setf (session-over session) t))))))

(defun in-scope-of (scope function)
  "FUNCTION for a new thread, whose operations belong to SCOPE."
  (lambda (&rest arguments)
    (apply #'call-in-scope
           (scope-of-thread (scope-session scope) (scope-context scope) (scope-step scope) (scope-attempt scope))
           function arguments)))

;;; Requests

(defun exchange (scope verb fields)
  "Sends a request of SCOPE and returns the reply; NIL if bootstrap has closed the connection."
  (let ((*when-gone* (lambda () (return-from exchange nil))))
    (unwind-protect
         (progn
           (setf (scope-busy scope) t)
           (let ((link (or (scope-link scope)
                           (setf (scope-link scope) (connect (session-socket (scope-session scope)))))))
             (when link
               (send-message link verb (list* "context" (scope-context scope) fields))
               (receive-message link))))
      (setf (scope-busy scope) nil))))

(defun ask (scope verb &rest fields)
  "Makes a request and returns the reply, unless the invocation is over."
  (let ((reply (exchange scope verb fields)))
    (cond ((or (null reply) (string= (first reply) "suspend")) (suspend scope))
          ((string= (first reply) "refused") (refuse "~A" (value-of "message" reply)))
          (t reply))))

(defun durable:suspending-p ()
  "Whether the handler is being suspended: clean-up code must not undo the work then."
  (let ((session (if *scope* (scope-session *scope*) **session**)))
    (and session (session-suspended session) t)))
