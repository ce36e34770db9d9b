;;;; Stands for what (ql:bundle-systems '("money") :to "lisp-library/") writes: it makes the systems of software/ known.
(dolist (file (directory (merge-pathnames "software/*/*.asd" *load-truename*)))
  (asdf:load-asd file))
