;;;; Handler: function.lisp.handler
;;;; Receives posted text, and returns it.
(asdf:load-system :yason)

(defun object (&rest keys-and-values)
  (alexandria:plist-hash-table keys-and-values :test #'equal))

(defun json (value)
  (with-output-to-string (text) (yason:encode value text)))

(defun respond (status body)
  (json (object "statusCode" status
                "headers" (object "content-type" "application/json")
                "body" (json body))))

(defun request-method (request)
  (gethash "method" (gethash "http" (gethash "requestContext" request))))

(defun handler (event)
  (let ((request (yason:parse event)))
    (cond ((string/= (request-method request) "POST") (respond 405 (object "error" "only POST")))
          ((gethash "isBase64Encoded" request) (respond 415 (object "error" "only text")))
          (t (respond 201 (object "path" (gethash "rawPath" request)
                                  "received" (gethash "body" request)))))))
