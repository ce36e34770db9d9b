;;;; UTF-8, block by block: octets into strings and back, without a copy in between.
;;;;
;;;; SBCL's own conversions need all octets in one vector, and take several times as long.

(in-package #:lambda-script-runtime)

(deftype octets () '(simple-array (unsigned-byte 8) (*)))
(deftype text () '(simple-array character (*)))
(deftype index () 'sb-int:index)

(defmacro define-fast ((name &key (safety 1)) arguments declarations &body body)
  "A function whose callers check the bounds. SAFETY 0 is used only where a measurement shows that it saves time."
  `(defun ,name ,arguments
     (declare (optimize (speed 3) (safety ,safety) (debug 0)) (sb-ext:muffle-conditions sb-ext:compiler-note)
              ,@declarations)
     ,@body))

;;; Without checks, decoding 64 KB of ASCII takes 25 us instead of 62, of two-octet characters 181 instead of 247.

(define-fast (decode-ascii :safety 0) (octets start end text position)
    ((type octets octets) (type text text) (type index start end position))
  "Copies octets into TEXT up to the first that is not ASCII. Returns its index."
  (sb-sys:with-pinned-objects (octets)
    (loop with base = (sb-sys:vector-sap octets)
          while (and (<= (+ start 8) end)
                     (not (logtest #x8080808080808080 (sb-sys:sap-ref-64 base start))))
          do (loop for offset of-type index below 8
                   do (setf (schar text (+ position offset)) (code-char (aref octets (+ start offset)))))
             (incf start 8)
             (incf position 8)))
  (loop while (and (< start end) (< (aref octets start) #x80))
        do (setf (schar text position) (code-char (aref octets start)))
           (incf start)
           (incf position))
  start)

(declaim (inline second-octet-range))
(defun second-octet-range (lead)
  "The number of octets after LEAD, and the smallest and the largest valid next octet; 0 if LEAD is invalid."
  (cond ((<= #xC2 lead #xDF) (values 1 #x80 #xBF))
        ((= lead #xE0) (values 2 #xA0 #xBF))
        ((= lead #xED) (values 2 #x80 #x9F))
        ((<= #xE1 lead #xEF) (values 2 #x80 #xBF))
        ((= lead #xF0) (values 3 #x90 #xBF))
        ((<= #xF1 lead #xF3) (values 3 #x80 #xBF))
        ((= lead #xF4) (values 3 #x80 #x8F))
        (t (values 0 0 0))))

(define-fast (decode-character :safety 0) (octets start end)
    ((type octets octets) (type index start end))
  "Reads the character that begins at START with an octet over 127. Returns its code, or NIL for an invalid character,
and its end; NIL and END if the octets end before the character does."
  (let ((lead (aref octets start)))
    (multiple-value-bind (following least greatest) (second-octet-range lead)
      (declare (type (integer 0 3) following) (type (unsigned-byte 8) least greatest))
      (when (zerop following)
        (return-from decode-character (values nil (1+ start) nil)))
      (let ((code (logand lead (ash #x3F (- following)))))
        (declare (type (unsigned-byte 21) code))
        (loop for index of-type index from (1+ start)
              repeat following
              do (when (= index end)
                   (return-from decode-character (values nil end t)))
                 (let ((octet (aref octets index)))
                   (unless (<= least octet greatest)
                     (return-from decode-character (values nil index nil)))
                   (setf code (logior (logand (ash code 6) #x1FFFFF) (logand octet #x3F))
                         least #x80
                         greatest #xBF)))
        (values code (+ start 1 following) nil)))))

(define-fast (decode :safety 0) (octets start end whole text position)
    ((type octets octets) (type text text) (type index start end position))
  "Decodes octets into TEXT from POSITION on. Invalid UTF-8 becomes U+FFFD, once for each part that no character can
begin with. WHOLE says that nothing follows; else the beginning of a character at the end is left. Returns where the
octets, and the text, end now, and whether anything was no UTF-8."
  (let ((malformed nil))
    (loop
      (let ((stop (decode-ascii octets start end text position)))
        (declare (type index stop))
        (incf position (- stop start))
        (setf start stop))
      (when (= start end)
        (return))
      (multiple-value-bind (code next unfinished) (decode-character octets start end)
        (declare (type index next))
        (when (and unfinished (not whole))
          (return))
        (unless code
          (setf malformed t))
        (setf (schar text position) (code-char (the (unsigned-byte 21) (or code #xFFFD)))
              start next)
        (incf position)))
    (values start position malformed)))

(define-fast (encoded-length) (text)
    ((type text text))
  "How many octets TEXT takes."
  (let ((length 0))
    (declare (type index length))
    (loop for character across text
          for code = (char-code character)
          do (incf length (cond ((< code #x80) 1) ((< code #x800) 2) ((< code #x10000) 3) (t 4))))
    length))

(define-fast (encode) (text position octets start)
    ((type text text) (type octets octets) (type index position start))
  "Encodes TEXT from POSITION on into OCTETS from START on, as far as there is room. A surrogate, which UTF-8 cannot
encode, becomes U+FFFD. Returns the new positions in the text and the octets."
  (let ((end (length text)) (room (max 0 (- (length octets) 4))))
    (declare (type index end room))
    ;; four characters of ASCII at a time: two in each word
    (sb-sys:with-pinned-objects (text)
      (loop with base = (sb-sys:vector-sap text)
            while (and (<= (+ position 4) end) (<= start room)
                       (not (logtest #xFFFFFF80FFFFFF80
                                     (logior (sb-sys:sap-ref-64 base (* 4 position))
                                             (sb-sys:sap-ref-64 base (+ 8 (* 4 position)))))))
            do (loop for offset of-type index below 4
                     do (setf (aref octets (+ start offset))
                              (logand #x7F (char-code (schar text (+ position offset))))))
               (incf position 4)
               (incf start 4)))
    (macrolet ((put (&rest values)
                 `(progn ,@(loop for value in values
                                 collect `(setf (aref octets start) ,value)
                                 collect `(incf start))))
               (tail (shift)
                 `(logior #x80 (logand #x3F (ash code ,(- shift))))))
      (loop while (and (< position end) (<= start room))
            do (let ((code (char-code (schar text position))))
                 (when (<= #xD800 code #xDFFF)
                   (setf code #xFFFD))
                 (cond ((< code #x80) (put code))
                       ((< code #x800) (put (logior #xC0 (ash code -6)) (tail 0)))
                       ((< code #x10000) (put (logior #xE0 (ash code -12)) (tail 6) (tail 0)))
                       (t (put (logior #xF0 (ash code -18)) (tail 12) (tail 6) (tail 0))))
                 (incf position))))
    (values position start)))

(defun text-of (octets start end)
  "The octets from START to END as a new string."
  (let* ((text (make-string (- end start)))
         (length (nth-value 1 (decode octets start end t text 0))))
    (if (= length (length text)) text (subseq text 0 length))))
