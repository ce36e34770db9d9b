;;;; Represents the output of (ql:bundle-systems '("money") :to "lisp-library/"): registers the systems of software/.
(dolist (file (directory (merge-pathnames "software/*/*.asd" *load-truename*)))
  (asdf:load-asd file))
