;;;; Handler: simple_handler.simple-handler
;;;; The first argument is the event, the second its headers; the returned string is the answer.

(defun simple-handler (data headers)
  (format t "request ~A~%" (cdr (assoc :lambda-runtime-aws-request-id headers)))
  (format nil "a simple handler was called with: ~A" data))
