;;;; Handler: function.lisp.handler
;;;; Works on each message, and answers with the ids of those that failed.
(asdf:load-system :yason)

(defun object (&rest keys-and-values)
  (alexandria:plist-hash-table keys-and-values :test #'equal))

(defun json (value)
  (with-output-to-string (text) (yason:encode value text)))

(defun accept (message)
  (let ((order (gethash "order" (yason:parse message))))
    (unless order (error "no order"))
    (format t "order ~A~%" order)))

(defun failure (record)
  "The entry of a message that failed, else NIL."
  (let ((id (gethash "messageId" record)))
    (handler-case (progn (accept (gethash "body" record)) nil)
      (error (condition)
        (format t "~A: ~A~%" id condition)
        (object "itemIdentifier" id)))))

(defun handler (event)
  (let ((failures (remove nil (mapcar #'failure (gethash "Records" (yason:parse event))))))
    ;; a vector, as an empty list would be written as null
    (json (object "batchItemFailures" (coerce failures 'vector)))))
