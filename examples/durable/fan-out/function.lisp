;;;; Handler: function.lisp.handler
;;;; Runs a command on many instances at the same time, and answers with the result of each.
(asdf:load-system :yason)

(defun aws (&rest arguments)
  (uiop:run-program (cons "aws" arguments) :output '(:string :stripped t) :error-output :interactive))

(defun send (instance)
  (values (aws "ssm" "send-command" "--instance-ids" instance "--document-name" "AWS-RunPatchBaseline"
               "--parameters" "Operation=Install" "--query" "Command.CommandId" "--output" "text")))

(defun finished-p (instance id)
  (let ((status (aws "ssm" "get-command-invocation" "--instance-id" instance "--command-id" id
                     "--query" "Status" "--output" "text")))
    (cond ((string= status "Success") t)
          ((member status '("Pending" "InProgress" "Delayed") :test #'string=) nil)
          (t (error "~A: ~A" instance status)))))

(defun patch (instance)
  "Names count for themselves in each context."
  (handler-case (durable:durable-context instance
                  (let ((id (durable:durable-step "send" (send instance))))
                    (durable:durable-until "finished" :every 30 :timeout 7200 (state)
                      (finished-p instance id)))
                  (format nil "~A: patched" instance))
    (durable:durable-failed () (format nil "~A: failed" instance))))

(defun handler (event)
  (let ((threads (mapcar (lambda (instance) (sb-thread:make-thread #'patch :arguments (list instance)))
                         (gethash "instances" (yason:parse event)))))
    (format nil "~{~A~^~%~}" (mapcar #'sb-thread:join-thread threads))))
