;;;; Handler: prices.handler
;;;; The total of a basket, in cents.
(asdf:load-system :yason)

(defun price (item)
  (let ((price (gethash "price" item)))
    (when (minusp price) (error "a price below zero"))
    (* price (gethash "count" item))))

(defun total (basket)
  (reduce #'+ (mapcar #'price (gethash "items" basket))))

(defun handler (event)
  (format nil "{\"total\":~D}" (total (yason:parse event))))
