;;;; Calls the handler with events, and compares; then once more, as Lambda would call it: sbcl --script test.lisp
(require :asdf)
(load (merge-pathnames "prices.lisp" *load-truename*))

(defvar *failures* 0)

(defun check (what found expected)
  (cond ((equal found expected) (format t "ok: ~A~%" what))
        (t (format t "failed: ~A: ~S~%" what found)
           (incf *failures*))))

(defun message (event)
  "The report of the error that an event ends in."
  (handler-case (handler event)
    (error (condition) (princ-to-string condition))))

(check "adds up"
       (handler "{\"items\":[{\"price\":250,\"count\":2},{\"price\":100,\"count\":3}]}") "{\"total\":800}")
(check "an empty basket costs nothing" (handler "{\"items\":[]}") "{\"total\":0}")
(check "refuses a price below zero" (message "{\"items\":[{\"price\":-1,\"count\":1}]}") "a price below zero")

(check "answers JSON"
       (uiop:run-program '("bootstrap" "prices.handler" "{\"items\":[{\"price\":250,\"count\":2}]}")
                         :output '(:string :stripped t)
                         :directory (uiop:pathname-directory-pathname *load-truename*))
       "{\"total\":500}")
(uiop:quit (if (zerop *failures*) 0 1))
