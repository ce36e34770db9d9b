;;;; Handler: function.lisp.handler
;;;; Lists the objects that an event is about.
(asdf:load-system :yason)

(defun decode (key)
  "A key as it is in the bucket: `+` is a space, `%2B` a plus, and what is encoded are the octets of UTF-8."
  (let ((octets (loop with index = 0
                      while (< index (length key))
                      for character = (char key index)
                      collect (case character
                                (#\+ 32)
                                (#\% (parse-integer key :start (+ index 1) :end (+ index 3) :radix 16))
                                (t (char-code character)))
                      do (incf index (if (char= character #\%) 3 1)))))
    (sb-ext:octets-to-string (coerce octets '(vector (unsigned-byte 8))) :external-format :utf-8)))

(defun address (record)
  (let ((s3 (gethash "s3" record)))
    (format nil "s3://~A/~A"
            (gethash "name" (gethash "bucket" s3))
            (decode (gethash "key" (gethash "object" s3))))))

(defun handler (event)
  (let ((answer (make-hash-table :test #'equal)))
    (setf (gethash "objects" answer) (mapcar #'address (gethash "Records" (yason:parse event))))
    (with-output-to-string (text) (yason:encode answer text))))
