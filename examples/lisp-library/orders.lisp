;;;; Handler: orders.handler
;;;; Adds up the cost of an order, with a library of the bundle in this folder.
(asdf:load-system :money)
(asdf:load-system :yason)

(defun total (order)
  (loop for item in (gethash "items" order)
        sum (* (gethash "price" item) (gethash "count" item))))

(defun handler (event)
  (format nil "{\"total\":\"~A\"}" (money:text (total (yason:parse event)))))
