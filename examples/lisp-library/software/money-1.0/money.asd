(asdf:defsystem "money"
  :description "Stands for a library of Quicklisp."
  :version "1.0"
  :components ((:file "money")))
