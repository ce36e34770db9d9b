;;;; Handler: function.lisp.handler
;;;; Asks for an approval by a link, waits up to a week for it, and then makes the change.
(asdf:load-system :yason)

(defun aws (&rest arguments)
  (uiop:run-program (cons "aws" arguments) :output nil :error-output :interactive))

(defun encoded (text)
  "TEXT for a query."
  (format nil "~{~A~}"
          (loop for octet across (sb-ext:string-to-octets text :external-format :utf-8)
                for character = (code-char octet)
                collect (if (and (< octet 128) (or (alphanumericp character) (find character "-._~")))
                            character
                            (format nil "%~2,'0X" octet)))))

(defun ask (change id)
  (aws "sns" "publish" "--topic-arn" (uiop:getenv "TOPIC") "--subject" "Please approve"
       "--message" (format nil "~A: ~A?id=~A" change (uiop:getenv "LINK") (encoded id))))

(defun answer-to (change)
  (handler-case (durable:durable-callback "approval" :timeout (* 7 24 60 60) (id)
                  (ask change id))
    (durable:durable-failed () "no")))

(defun handler (event)
  (let ((change (gethash "change" (yason:parse event))))
    (cond ((string= (answer-to change) "yes")
           (durable:durable-step "apply"
             (aws "ssm" "start-automation-execution" "--document-name" change)
             t)
           (format nil "~A: done" change))
          (t (format nil "~A: not approved" change)))))
