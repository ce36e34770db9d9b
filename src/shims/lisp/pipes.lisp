;;;; The pipes to and from bootstrap. `src/frame.rs` describes the frames.
;;;;
;;;; Octets go from the pipe into strings, and back, block by block: an event or an answer leaves no garbage but
;;;; the string itself.

(in-package #:lambda-script-runtime)

(defconstant +block+ 65536
  "How much is read or written at once, in bytes.")

(defconstant +pipe-size+ 1048576
  "How much a pipe is asked to hold, in bytes: what Linux lets any user have.")

(defconstant +close-on-exec+ #o2000000)
(defconstant +set-pipe-size+ 1031)

(defstruct (pipe (:constructor make-pipe (descriptor)))
  "A descriptor; for reading, with what was read ahead in BUFFER from START to END."
  (descriptor 0 :type fixnum)
  (buffer (make-array +block+ :element-type '(unsigned-byte 8)) :type octets)
  (start 0 :type index)
  (end 0 :type index))

(defun open-pipe (path flags)
  "Opens a pipe of bootstrap by its path, so that no process that a handler starts inherits it."
  (multiple-value-bind (descriptor errno) (sb-unix:unix-open path (logior flags +close-on-exec+) 0)
    (unless descriptor
      (error "~A cannot be opened: ~A" path (sb-int:strerror errno)))
    ;; where it is refused, the pipe stays as it is
    (sb-alien:alien-funcall
     (sb-alien:extern-alien "fcntl" (function sb-alien:int sb-alien:int sb-alien:int sb-alien:int))
     descriptor +set-pipe-size+ +pipe-size+)
    (make-pipe descriptor)))

(defun end-process ()
  "Ends the process without a word: bootstrap is gone, or has closed the pipe."
  (sb-ext:exit :code 0 :abort t))

(defun transferred (count errno)
  "What a system call on a pipe gave: how many bytes, or 0 to try again."
  (cond ((and count (plusp count)) (the index count))
        ((and (null count) (= errno sb-unix:eintr)) 0)
        (t (end-process))))

(defun receive (pipe octets start end)
  "Reads what there is of OCTETS from START to END, at least one byte. Gives the new start."
  (declare (type octets octets) (type index start end))
  (sb-sys:with-pinned-objects (octets)
    (let ((place (sb-sys:sap+ (sb-sys:vector-sap octets) start)))
      (loop
        (let ((count (multiple-value-call #'transferred
                       (sb-unix:unix-read (pipe-descriptor pipe) place (- end start)))))
          (declare (type index count))
          (when (plusp count)
            (return (+ start count))))))))

(defun send (pipe octets end)
  "Writes OCTETS up to END."
  (declare (type octets octets) (type index end))
  (sb-sys:with-pinned-objects (octets)
    (loop with start of-type index = 0
          while (< start end)
          do (let ((place (sb-sys:sap+ (sb-sys:vector-sap octets) start)))
               (incf start (the index (multiple-value-call #'transferred
                                        (sb-unix:unix-write (pipe-descriptor pipe) place 0 (- end start)))))))))

(defun fill-buffer (pipe)
  "Reads more behind what the buffer of PIPE holds, which it moves to the front."
  (let ((buffer (pipe-buffer pipe)) (start (pipe-start pipe)) (end (pipe-end pipe)))
    (replace buffer buffer :start2 start :end2 end)
    (setf (pipe-start pipe) 0
          (pipe-end pipe) (receive pipe buffer (- end start) +block+))))

(defun receive-head (pipe)
  "Reads the head line of a frame: its name and the length of its payload."
  (loop
    (let* ((buffer (pipe-buffer pipe))
           (start (pipe-start pipe))
           (newline (position 10 buffer :start start :end (pipe-end pipe))))
      (cond (newline
             (let* ((line (map 'string #'code-char (subseq buffer start newline)))
                    (space (position #\Space line)))
               (setf (pipe-start pipe) (1+ newline))
               (return (values (subseq line 0 space) (parse-integer line :start (1+ space))))))
            (t (fill-buffer pipe))))))

(defun receive-octets (pipe length)
  "Reads a payload as a fresh vector."
  (let* ((octets (make-array length :element-type '(unsigned-byte 8)))
         (here (min length (- (pipe-end pipe) (pipe-start pipe)))))
    (replace octets (pipe-buffer pipe) :start2 (pipe-start pipe) :end1 here)
    (incf (pipe-start pipe) here)
    (loop with filled = here
          while (< filled length)
          do (setf filled (receive pipe octets filled length)))
    octets))

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

(defun send-head (pipe name length)
  "Writes the head line of a frame into the buffer of PIPE. Gives where it ends."
  (let ((head (format nil "~A ~D~%" name length)))
    (map-into (pipe-buffer pipe) #'char-code head)
    (length head)))

(defun send-octets (pipe name octets)
  "Sends a frame with these octets."
  (let ((octets (coerce octets 'octets)))
    (send pipe (pipe-buffer pipe) (send-head pipe name (length octets)))
    (send pipe octets (length octets))))

(defun send-text (pipe name string)
  "Sends a frame with this string. What fits into one block goes in one write."
  (let* ((text (coerce string 'text))
         (buffer (pipe-buffer pipe))
         (filled (send-head pipe name (encoded-length text)))
         (position 0))
    (loop
      (multiple-value-setq (position filled) (encode text position buffer filled))
      (send pipe buffer filled)
      (setf filled 0)
      (when (= position (length text))
        (return)))))
