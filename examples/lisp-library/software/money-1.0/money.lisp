(defpackage #:money
  (:use #:common-lisp)
  (:export #:text))

(in-package #:money)

(defun text (amount)
  "An amount as people write it."
  (format nil "~,2F EUR" amount))
