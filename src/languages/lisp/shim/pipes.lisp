;;;; The pipes to and from bootstrap. `src/worker/transport/frame.rs` describes the frames.
;;;;
;;;; Octets are converted to strings, and back, block by block: an event or an answer leaves no garbage except its
;;;; string.

(in-package #:lambda-script-runtime)

(defconstant +block+ 65536
  "How much is read or written at once, in bytes.")

(defconstant +pipe-size+ 1048576
  "The size of a pipe, in bytes. Linux allows this size for any user.")

(defconstant +close-on-exec+ #o2000000)
(defconstant +set-pipe-size+ 1031)

(defstruct (pipe (:constructor make-pipe (descriptor)))
  "A descriptor and its buffer. The unread bytes are those from START to END."
  (descriptor 0 :type fixnum)
  (buffer (make-array +block+ :element-type '(unsigned-byte 8)) :type octets)
  (start 0 :type index)
  (end 0 :type index))

(defmacro call-c (name result &rest arguments)
  "Calls a function of the C library with arguments as (TYPE VALUE)."
  `(sb-alien:alien-funcall
    (sb-alien:extern-alien ,name (function ,result ,@(mapcar #'first arguments)))
    ,@(mapcar #'second arguments)))

(defun open-descriptor (path flags)
  "Opens a pipe of bootstrap by its path, so that no process that a handler starts inherits it."
  (multiple-value-bind (descriptor errno) (sb-unix:unix-open path (logior flags +close-on-exec+) 0)
    (unless descriptor
      (error "~A cannot be opened: ~A" path (sb-int:strerror errno)))
    ;; if this fails, the pipe keeps its size
    (call-c "fcntl" sb-alien:int
            (sb-alien:int descriptor) (sb-alien:int +set-pipe-size+) (sb-alien:int +pipe-size+))
    descriptor))

(defun open-pipe (path flags)
  "The same, with a buffer."
  (make-pipe (open-descriptor path flags)))

(defun end-process ()
  "Ends the process without a message: bootstrap has ended, or has closed the pipe."
  (sb-ext:exit :code 0 :abort t))

(defvar *when-gone* #'end-process
  "A function that is called when the other side of a pipe is closed. It does not return.")

(defun transferred (count errno)
  "The number of bytes that a system call on a pipe has moved, or 0 to try again."
  (cond ((and count (plusp count)) (the index count))
        ((and (null count) (= errno sb-unix:eintr)) 0)
        (t (funcall *when-gone*))))

(defun read-octets (descriptor octets start end)
  "Reads all available bytes, but at least one, into OCTETS from START to END. Returns the new start."
  (declare (type octets octets) (type index start end))
  (sb-sys:with-pinned-objects (octets)
    (let ((place (sb-sys:sap+ (sb-sys:vector-sap octets) start)))
      (loop
        (let ((count (multiple-value-call #'transferred
                       (sb-unix:unix-read descriptor place (- end start)))))
          (declare (type index count))
          (when (plusp count)
            (return (+ start count))))))))

(defun write-octets (descriptor octets start end)
  "Writes OCTETS from START up to END."
  (declare (type octets octets) (type index start end))
  (sb-sys:with-pinned-objects (octets)
    (loop while (< start end)
          do (let ((place (sb-sys:sap+ (sb-sys:vector-sap octets) start)))
               (incf start (the index (multiple-value-call #'transferred
                                        (sb-unix:unix-write descriptor place 0 (- end start)))))))))

(defun fill-buffer (pipe)
  "Moves the bytes in the buffer of PIPE to its beginning, and reads more after them."
  (let ((buffer (pipe-buffer pipe)) (start (pipe-start pipe)) (end (pipe-end pipe)))
    (replace buffer buffer :start2 start :end2 end)
    (setf (pipe-start pipe) 0
          (pipe-end pipe) (read-octets (pipe-descriptor pipe) buffer (- end start) +block+))))

(defun octets-of (string)
  "STRING, of ASCII, as octets."
  (map 'octets #'char-code string))

(define-fast (same-octets-p) (octets start end expected)
    ((type octets octets expected) (type index start end))
  "Whether OCTETS from START to END are the EXPECTED ones."
  (and (= (length expected) (- end start))
       (loop for octet across expected
             for index of-type index from start
             always (= octet (aref octets index)))))

(define-fast (octet-position) (octet octets start end)
    ((type octets octets) (type (unsigned-byte 8) octet) (type index start end))
  "The first position of OCTET from START to END, or NIL."
  (loop for index of-type index from start below end
        when (= octet (aref octets index))
          return index))

(defun receive-head (pipe names)
  "Reads the head line of a frame: which of NAMES, an alist of octets and keywords, it has, and the length of its
payload."
  (loop
    (let* ((buffer (pipe-buffer pipe))
           (start (pipe-start pipe))
           (newline (octet-position (char-code #\Newline) buffer start (pipe-end pipe))))
      (when newline
        (let ((space (octet-position (char-code #\Space) buffer start newline)) (length 0))
          (declare (type index space length))
          (loop for index from (1+ space) below newline
                do (setf length (+ (* 10 length) (- (aref buffer index) (char-code #\0)))))
          (setf (pipe-start pipe) (1+ newline))
          (return (values (cdr (assoc-if (lambda (name) (same-octets-p buffer start space name)) names))
                          length))))
      (fill-buffer pipe))))

(defun fill-octets (descriptor octets filled)
  "Reads into OCTETS from FILLED on until they are full. Returns them."
  (loop while (< filled (length octets))
        do (setf filled (read-octets descriptor octets filled (length octets))))
  octets)

(defun receive-octets (pipe length)
  "Reads a payload as a new vector."
  (let ((octets (make-array length :element-type '(unsigned-byte 8)))
        (here (min length (- (pipe-end pipe) (pipe-start pipe)))))
    (replace octets (pipe-buffer pipe) :start2 (pipe-start pipe) :end1 here)
    (incf (pipe-start pipe) here)
    (fill-octets (pipe-descriptor pipe) octets here)))

(defun call-with-payload (function pipe length)
  "Calls FUNCTION with octets, and the start and end of a payload in them. They are valid until it returns."
  (cond ((<= length +block+)
         (loop while (< (- (pipe-end pipe) (pipe-start pipe)) length)
               do (fill-buffer pipe))
         (let ((start (pipe-start pipe)))
           (incf (pipe-start pipe) length)
           (funcall function (pipe-buffer pipe) start (+ start length))))
        (t (funcall function (receive-octets pipe length) 0 length))))

(defun receive-text (pipe length)
  "Reads a payload as a string. The second value is true if it was no UTF-8."
  (let ((text (make-string length)) (position 0) (malformed nil))
    (loop while (plusp length)
          do (when (= (pipe-start pipe) (pipe-end pipe))
               (fill-buffer pipe))
             (let* ((start (pipe-start pipe))
                    (end (min (pipe-end pipe) (+ start length))))
               (multiple-value-bind (consumed new-position invalid)
                   (decode (pipe-buffer pipe) start end (= length (- end start)) text position)
                 (setf (pipe-start pipe) consumed
                       position new-position
                       malformed (or malformed invalid))
                 (decf length (- consumed start))
                 ;; the rest of the block is the beginning of a character
                 (when (and (plusp length) (< consumed end))
                   (fill-buffer pipe)))))
    (values (if (= position (length text)) text (subseq text 0 position)) malformed)))

(defconstant +longest-head+ 32
  "The most octets of a head line.")

(defun put-head (pipe name length end)
  "Puts the head line of a frame into the buffer of PIPE, so that it ends at END. Returns its start."
  (declare (type simple-string name) (type index length end))
  (let ((buffer (pipe-buffer pipe)) (start end))
    (declare (type index start))
    (flet ((put (octet)
             (setf (aref buffer (decf start)) octet)))
      (put (char-code #\Newline))
      (loop do (multiple-value-bind (rest digit) (floor length 10)
                 (put (+ (char-code #\0) digit))
                 (setf length rest))
            until (zerop length))
      (put (char-code #\Space))
      (loop for index from (1- (length name)) downto 0
            do (put (char-code (char name index)))))
    start))

(defun send-octets (pipe name octets)
  "Sends a frame with these octets."
  (let ((octets (coerce octets 'octets)))
    (write-octets (pipe-descriptor pipe) (pipe-buffer pipe) (put-head pipe name (length octets) +longest-head+) +longest-head+)
    (write-octets (pipe-descriptor pipe) octets 0 (length octets))))

(defun send-characters (pipe text position)
  "Sends the octets of TEXT from POSITION on, block by block."
  (let ((buffer (pipe-buffer pipe)) (filled 0))
    (loop while (< position (length text))
          do (multiple-value-setq (position filled) (encode text position buffer 0))
             (write-octets (pipe-descriptor pipe) buffer 0 filled))))

(defun send-text (pipe name string)
  "Sends a frame with this string, in one write if it fits into one block."
  (let ((text (coerce string 'text)) (buffer (pipe-buffer pipe)))
    ;; a short string is encoded before its length is known
    (multiple-value-bind (position filled) (encode text 0 buffer +longest-head+)
      (let ((length (if (= position (length text)) (- filled +longest-head+) (encoded-length text))))
        (write-octets (pipe-descriptor pipe) buffer (put-head pipe name length +longest-head+) filled))
      (send-characters pipe text position))))
