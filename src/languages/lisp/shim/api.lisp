;;;; The packages for handlers: those of the runtime and of its utilities, and the parts of Quicklisp and Roswell that
;;;; the first lines of scripts use.
;;;;
;;;; The shim's files are loaded in the order api, utf8, pipes, sources, failure, invocation, defer, handler, context,
;;;; streams, serve, values, session, durable. They are ASCII, because they are also passed on a command line.

(eval-when (:compile-toplevel :load-toplevel :execute)
  (require :asdf))

(defpackage #:aws-lambda-runtime
  (:use #:common-lisp)
  (:documentation "The context of the event: its headers, and the environment of the function. Hooks of SnapStart.")
  (:export #:*header-alist* #:*before-checkpoint-hooks* #:*after-restore-hooks* #:*shutdown-hooks*))

(defpackage #:aws-lambda-function-util
  (:use #:common-lisp)
  (:documentation "For building functions, and for loading them.")
  (:export #:build-monolithic-fasl #:load-fasls-in-directory #:list-installed-systems))

(defpackage #:lambda-script-runtime
  (:use #:common-lisp)
  (:documentation "The shim between bootstrap and handlers. Not for handlers."))

(in-package #:aws-lambda-runtime)

(defvar *header-alist* '()
  "The headers of the event: an alist of keywords, such as :LAMBDA-RUNTIME-AWS-REQUEST-ID, and strings.")

(defvar *before-checkpoint-hooks* '()
  "Functions without arguments, called before a SnapStart snapshot, the last pushed first.")

(defvar *shutdown-hooks* '()
  "Functions without arguments, called when the environment ends, the last pushed first.")

(defvar *after-restore-hooks* '()
  "Functions without arguments, called in each copy of the snapshot, the first pushed first.")

(defvar *variables* '()
  "An alist: the names of environment variables, and the symbols with their values.")

(eval-when (:compile-toplevel :load-toplevel :execute)
  (defun variable-symbol (name)
    "The symbol for an environment variable: *AWS-REGION* for AWS_REGION, *_HANDLER* for _HANDLER."
    (let ((body (substitute #\- #\_ name :start 1)))
      (intern (concatenate 'string "*" body "*") '#:aws-lambda-runtime))))

(defmacro define-variables (&rest names)
  "Defines and exports a special variable for each environment variable: its value as a string, or NIL."
  `(progn
     ,@(loop for name in names
             for symbol = (variable-symbol name)
             collect `(defvar ,symbol nil ,(format nil "The environment variable ~A, or NIL." name))
             collect `(push (cons ,name ',symbol) *variables*)
             collect `(export ',symbol '#:aws-lambda-runtime))))

(define-variables
  "_HANDLER" "AWS_REGION" "AWS_DEFAULT_REGION" "AWS_EXECUTION_ENV"
  "AWS_LAMBDA_FUNCTION_NAME" "AWS_LAMBDA_FUNCTION_MEMORY_SIZE" "AWS_LAMBDA_FUNCTION_VERSION"
  "AWS_LAMBDA_INITIALIZATION_TYPE" "AWS_LAMBDA_LOG_GROUP_NAME" "AWS_LAMBDA_LOG_STREAM_NAME"
  "AWS_LAMBDA_LOG_FORMAT" "AWS_LAMBDA_LOG_LEVEL" "AWS_LAMBDA_MAX_CONCURRENCY"
  "AWS_ACCESS_KEY" "AWS_ACCESS_KEY_ID" "AWS_SECRET_ACCESS_KEY" "AWS_SESSION_TOKEN"
  "AWS_LAMBDA_RUNTIME_API" "AWS_LAMBDA_METADATA_API" "AWS_LAMBDA_METADATA_TOKEN"
  "AWS_XRAY_CONTEXT_MISSING" "AWS_XRAY_DAEMON_ADDRESS"
  "LAMBDA_TASK_ROOT" "LAMBDA_RUNTIME_DIR" "LANG" "LD_LIBRARY_PATH" "PATH" "TZ"
  ;; each event sets these
  "_X_AMZN_TRACE_ID" "AWS_LAMBDA_RUNTIME_AWS_REQUEST_ID" "AWS_LAMBDA_RUNTIME_DEADLINE_MS"
  "AWS_LAMBDA_RUNTIME_INVOKED_FUNCTION_ARN" "AWS_LAMBDA_RUNTIME_CLIENT_CONTEXT"
  "AWS_LAMBDA_RUNTIME_COGNITO_IDENTITY" "AWS_LAMBDA_RUNTIME_TENANT_ID")

(in-package #:aws-lambda-function-util)

(defun build-monolithic-fasl (system-name output-directory)
  "Compiles a system, with all systems that it depends on, into fasls in OUTPUT-DIRECTORY. Returns their pathnames. What
the image already holds is not compiled in again."
  (asdf:operate 'asdf:monolithic-compile-bundle-op system-name)
  (loop with directory = (uiop:ensure-directory-pathname output-directory)
        for fasl in (asdf:output-files 'asdf:monolithic-compile-bundle-op (asdf:find-system system-name))
        for target = (merge-pathnames (file-namestring fasl) directory)
        do (ensure-directories-exist target)
           (uiop:copy-file fasl target)
        collect target))

(defun load-fasls-in-directory (pathname)
  "Loads all fasls in the directory of PATHNAME, in order of their names, except the file that is being loaded."
  (let ((fasls (directory (make-pathname :name :wild :type "fasl" :version nil :defaults pathname))))
    (mapc #'load (sort (remove *load-truename* fasls :test #'equal) #'string< :key #'namestring))))

(defun list-installed-systems ()
  "The names of the systems in the image and in bundles, which ASDF:LOAD-SYSTEM finds without a search."
  (sort (copy-list (asdf:registered-systems)) #'string<))

(in-package #:lambda-script-runtime)

(defun load-systems (systems &key &allow-other-keys)
  "QL:QUICKLOAD: ASDF loads systems of the image and of the task root. Nothing is downloaded."
  (let ((systems (if (listp systems) systems (list systems))))
    (mapc #'asdf:load-system systems)))

(defun define-elsewhere (package nicknames definitions)
  "Defines functions of another tool, unless that tool is loaded. DEFINITIONS: a plist, name and function."
  (unless (find-package package)
    (make-package package :nicknames nicknames :use '())
    (loop for (name function) on definitions by #'cddr
          for symbol = (intern name package)
          do (export symbol package)
             (setf (symbol-function symbol) function))
    t))

(when (define-elsewhere "QUICKLISP-CLIENT" '("QL" "QUICKLISP") (list "QUICKLOAD" #'load-systems))
  (pushnew :quicklisp *features*))

(define-elsewhere "ROSWELL" '("ROS")
                  (list "ENSURE-ASDF" (constantly t)
                        "QUICKLISP" (constantly nil)
                        "OPT" (constantly nil)
                        "QUIT" (lambda (&optional (code 0)) (sb-ext:exit :code code))))
