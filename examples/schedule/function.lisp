;;;; Handler: function.lisp.handler
;;;; Reports on the day before the one of the event: a retry after midnight reports on the same day.
(asdf:load-system :yason)

(defun midnight (time)
  "The universal time at which the day of a time like 2015-10-08T16:53:06Z begins."
  (flet ((part (start end) (parse-integer time :start start :end end)))
    (encode-universal-time 0 0 0 (part 8 10) (part 5 7) (part 0 4) 0)))

(defun handler (event)
  (let ((day-before (- (midnight (gethash "time" (yason:parse event))) (* 24 60 60))))
    (multiple-value-bind (second minute hour day month year) (decode-universal-time day-before 0)
      (declare (ignore second minute hour))
      (format nil "{\"report\":\"~4,'0D-~2,'0D-~2,'0D\"}" year month day))))
