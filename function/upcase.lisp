;;;; Handler: upcase.lisp
;;;; A script without Roswell: MAIN reads the event from standard input and writes the answer.

(defun main ()
  (loop for line = (read-line *standard-input* nil)
        while line
        do (format *error-output* "~D characters~%" (length line))
           (write-string (string-upcase line))))
