;;;; Saves a core: `sbcl --load build-core.lisp --end-toplevel-options CORE [SYSTEM...]`.

(require :asdf)

(defpackage #:build-core
  (:use #:common-lisp))

(in-package #:build-core)

(defvar *libraries*
  '("alexandria" "cl-json" "st-json" "yason" "jsown" "json-streams" "com.gigamonkeys.json")
  "The libraries of the image, if ASDF finds them.")

(defvar *packages* '(("alexandria" . "cl-alexandria") ("yason" . "cl-yason"))
  "An alist: the libraries in Debian, and their packages.")

(defvar *contributions* '(:sb-posix :sb-bsd-sockets :sb-introspect :sb-cltl2 :sb-rotate-byte :sb-concurrency)
  "Modules of SBCL that libraries require.")

(defvar *sources* '("api" "utf8" "pipes" "sources" "failure" "invocation" "defer" "handler" "context" "streams" "serve"
                    "values" "session" "durable")
  "The shim's files, in the order of `src/languages/lisp/mod.rs`.")

(defun source-file (name)
  "The file of a part of the shim."
  (merge-pathnames (format nil "../src/languages/lisp/shim/~A.lisp" name) *load-truename*))

(defun digest (files)
  "The FNV-1a hash of the files. Bootstrap compares it with the hash of its own shim."
  (let ((digest #xCBF29CE484222325))
    (dolist (file files (format nil "~(~16,'0X~)" digest))
      (with-open-file (stream file :element-type '(unsigned-byte 8))
        (loop for octet = (read-byte stream nil)
              while octet
              do (setf digest (ldb (byte 64 0) (* #x100000001B3 (logxor digest octet)))))))))

(defun load-library (name required)
  "Loads a system. Returns whether it exists, with all that it depends on."
  (handler-bind ((asdf:missing-component
                   (lambda (condition)
                     (unless required
                       (format t "left out: ~A (~A)~%  ~@[apt-get install ~A, or ~]~A~%" name condition
                               (cdr (assoc name *packages* :test #'string=))
                               "put its source below a directory that CL_SOURCE_REGISTRY names")
                       (return-from load-library nil)))))
    (asdf:load-system name)
    t))

(defun load-all (systems)
  "Loads the shim and the libraries."
  (mapc #'require *contributions*)
  (let ((files (mapcar #'source-file *sources*)))
    (mapc #'load files)
    (setf (symbol-value (find-symbol "*VERSION*" "LAMBDA-SCRIPT-RUNTIME")) (digest files)))
  (let ((loaded (remove-if-not (lambda (name) (load-library name systems)) (or systems *libraries*))))
    (format t "the core holds: ~{~A~^, ~}~%" loaded))
  ;; their sources do not exist where the core is used
  (mapc #'asdf:register-immutable-system (asdf:already-loaded-systems)))

(destructuring-bind (core &rest systems) (rest sb-ext:*posix-argv*)
  (load-all systems)
  (asdf:clear-configuration)
  (uiop:call-image-dump-hook)
  (sb-ext:save-lisp-and-die core))
