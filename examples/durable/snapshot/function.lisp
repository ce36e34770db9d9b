;;;; Handler: function.lisp.handler
;;;; Makes a snapshot of a database, and answers when it is available: hours later, and nothing runs meanwhile.
(asdf:load-system :yason)

(defun aws (&rest arguments)
  "Calls the AWS CLI; gives what it prints, and its status."
  (multiple-value-bind (output errors status)
      (uiop:run-program (cons "aws" arguments) :output '(:string :stripped t) :ignore-error-status t)
    (declare (ignore errors))
    (values output status)))

(defun status-of (snapshot)
  (values (aws "rds" "describe-db-snapshots" "--db-snapshot-identifier" snapshot
               "--query" "DBSnapshots[0].Status" "--output" "text")))

(defun make-snapshot (snapshot database)
  "A second attempt finds the snapshot of the first attempt."
  (when (string= (status-of snapshot) "")
    (unless (zerop (nth-value 1 (aws "rds" "create-db-snapshot" "--db-snapshot-identifier" snapshot
                                     "--db-instance-identifier" database)))
      (error "the snapshot ~A was not made" snapshot))))

(defun available-p (snapshot)
  (let ((status (status-of snapshot)))
    (cond ((string= status "available") t)
          ((string= status "creating") nil)
          (t (error "the snapshot ~A is ~A" snapshot status)))))

(defun handler (event)
  (let* ((database (gethash "database" (yason:parse event)))
         ;; a step, because the time differs in each replay
         (snapshot (durable:durable-step "name"
                     (format nil "~A-~D" database (get-universal-time)))))
    (durable:durable-step "create" :retry 5 (make-snapshot snapshot database))
    (durable:durable-until "available" :every 60 :timeout (* 12 60 60) (state)
      (available-p snapshot))
    snapshot))
