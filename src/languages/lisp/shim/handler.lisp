;;;; From the handler's text and files to the function that events call. Everything here runs at init.

(in-package #:lambda-script-runtime)

(defvar *handler* ""
  "The handler as the user wrote it, for messages.")

(defun fail-init (type format &rest arguments)
  "Ends the init with an error of the runtime's own types."
  (throw 'failed
    (with-sober-printing
      (let ((*print-length* nil) (*print-case* :downcase))
        (make-failure (concatenate 'string "Runtime." type)
                      (format nil "handler `~A`: ~?" *handler* format arguments)
                      '())))))

(defmacro with-syntax-of-handlers (&body body)
  "Loads, and reads, as LOAD does: in CL-USER. What is loaded meanwhile sets what it likes for good, but for these two
specials."
  `(let ((*package* (find-package '#:common-lisp-user)) (*readtable* *readtable*))
     ,@body))

(defun squeezed (string)
  "STRING on one line."
  (format nil "~{~A~^ ~}" (remove "" (uiop:split-string string :separator '(#\Newline #\Space)) :test #'equal)))

(defun reason (condition)
  "Why something could not be read: without the stream, which is one of ours."
  (typecase condition
    (end-of-file "it ends inside of a form: close its parentheses and quotes")
    (simple-condition
     (squeezed (with-sober-printing
                 (apply #'format nil (simple-condition-format-control condition)
                        (simple-condition-format-arguments condition)))))
    (t (squeezed (report condition)))))

(defun read-form (text start)
  "Reads a form of TEXT from START on. Gives it, or TEXT itself if there is none, and where it ends."
  (with-input-from-string (stream (subseq text start))
    (handler-case
        (let ((*readtable* (copy-readtable nil)) (*read-base* 10) (*read-default-float-format* 'single-float) (*read-eval* t) (*read-suppress* nil))
          (values (read stream nil text) (+ start (file-position stream))))
      (error (condition)
        (fail-init "InvalidHandler" "`~A` cannot be read at character ~D: ~A"
                   text (max 1 (+ start (file-position stream))) (reason condition))))))

(defun undefined (symbol)
  "Ends the init: there is no such function, but perhaps one of that name elsewhere."
  (let ((others (remove-if-not #'fboundp (find-all-symbols symbol)))
        (package (symbol-package symbol)))
    (fail-init "HandlerNotFound" "there is no function ~A in the package ~A~A"
               (symbol-name symbol) (if package (package-name package) "NIL")
               (with-sober-printing
                 (let ((*print-case* :downcase))
                   (format nil "~@[; there is ~{`~S`~^, ~}: name that one~]" others))))))

(defun check-function (designator)
  "DESIGNATOR if it can be called."
  (cond ((functionp designator) designator)
        ((or (not (symbolp designator)) (null designator))
         (fail-init "InvalidHandler"
                    "it gives ~A, which is no function: end it with a function, or with its quoted name"
                    (with-sober-printing (prin1-to-string designator))))
        ((and (fboundp designator) (not (macro-function designator)) (not (special-operator-p designator)))
         designator)
        (t (undefined designator))))

(defun function-of-symbol (text)
  "The function that TEXT, one symbol, names."
  (multiple-value-bind (symbol end) (read-form text 0)
    (unless (and symbol (symbolp symbol) (eq text (read-form text end)))
      (fail-init "InvalidHandler" "`~A` is not the name of a function" text))
    (check-function symbol)))

(defun line-of (stream)
  "The line of the form that was read last from the file STREAM."
  (ignore-errors
   (let ((start (sb-int:form-tracking-stream-form-start-char-pos stream)))
     (with-open-file (file (pathname stream) :external-format '(:utf-8 :replacement #\?))
       (1+ (loop repeat start count (char= #\Newline (read-char file))))))))

(defvar *json-libraries* '("yason" "jsown" "cl-json" "json" "st-json" "json-streams" "com.gigamonkeys.json")
  "The libraries that the image has, by their systems and packages.")

(defun missing-library (condition)
  "What to say of a JSON library that CONDITION does not find; NIL if it is about something else."
  (let* ((name (typecase condition
                 (asdf:missing-component (asdf/find-component:missing-requires condition))
                 (package-error (package-error-package condition))))
         (library (and (typep name '(or string symbol))
                       (find name *json-libraries* :test #'string-equal))))
    (when library
      (with-sober-printing
        (format nil "the library `~A` is neither in the Lisp core nor in the task root: ship it there in a ~
                     Quicklisp bundle (its `bundle.lisp` is loaded first), or build a core of your own with it ~
                     (`lisp/build-core.sh`, SCRIPT_RUNTIME_LISP_CORE)"
                library)))))

(defun call-loading (name stream function)
  "Calls FUNCTION, which loads NAME, from STREAM if it is source. An error says where in it."
  (let ((*failure-of*
          (lambda (condition &aux (missing (missing-library condition)))
            (make-failure
             "Runtime.HandlerLoadFailed"
             (cond
               (missing
                (with-sober-printing
                  (format nil "`~A` could not be loaded~@[, line ~D~]: ~A"
                          name (and stream (line-of stream)) missing)))
               ((typep condition 'sb-fasl::invalid-fasl)
                 (format nil "`~A` was not compiled by this SBCL, ~A: compile it again with this one, ~
                              or put its source in its place (~A)"
                         name (lisp-implementation-version) (squeezed (report condition))))
               (t
                (with-sober-printing
                  (format nil "`~A` could not be loaded~@[, line ~D~]: ~A: ~A"
                          name (and stream (line-of stream)) (type-name condition)
                          (squeezed (report condition))))))
             (if missing '() (backtrace))))))
    (funcall function)))

(defun native-pathname (file)
  "The pathname of FILE, in whose name nothing is a wildcard."
  (sb-ext:parse-native-namestring file))

(defun begins-with-p (file octets)
  "Whether the first octets of FILE are these."
  (with-open-file (stream (native-pathname file) :element-type '(unsigned-byte 8))
    (loop for octet in octets
          always (eql octet (read-byte stream nil)))))

(defun skip-marks (file stream)
  "Reads past what stands before the text: the byte order mark of some editors, a first line `#!...` for shells."
  (let* ((mark '(#xEF #xBB #xBF)) (shebang (map 'list #'char-code "#!"))
         (is-marked (begins-with-p file mark)))
    (when is-marked
      (read-char stream))
    (when (begins-with-p file (if is-marked (append mark shebang) shebang))
      (read-line stream nil))))

(defun call-with-source (file function)
  "Calls FUNCTION with a stream of the source FILE."
  (with-open-file (stream (native-pathname file) :class 'sb-int:form-tracking-stream
                               :external-format '(:utf-8 :replacement #\REPLACEMENT_CHARACTER))
    (skip-marks file stream)
    (call-loading file stream (lambda () (funcall function stream)))))

(defun load-file (file)
  "Loads FILE, a fasl or source."
  (if (string= (pathname-type (native-pathname file)) "fasl")
      (call-loading file nil (lambda () (load (native-pathname file))))
      (call-with-source file #'load)))

(defun load-script (file)
  "Loads FILE and gives the function MAIN of the package that it ends in. LOAD would not tell the package."
  (call-with-source
   file
   (lambda (stream)
     (let ((*load-pathname* (pathname stream))
           (*load-truename* (truename stream))
           (*package* *package*)
           (*readtable* *readtable*))
       (loop for form = (progn
                          ;; for LINE-OF
                          (setf (sb-int:form-tracking-stream-form-start-char-pos stream) nil)
                          (read stream nil stream))
             until (eq form stream)
             do (eval form))
       (check-function (intern "MAIN" *package*))))))

(defun function-of-forms (text)
  "Evaluates the forms of TEXT in their order, each before the next is read. The last gives the function."
  (call-loading
   text nil
   (lambda ()
     (loop with place = 0 and value = nil
           do (multiple-value-bind (form end) (read-form text place)
                (when (eq form text)
                  (return (check-function value)))
                (setf value (eval form)
                      place end))))))

(defun find-handler (kind file text)
  "The function that events call. KIND: `function`, `script` or `forms`."
  (let ((bundle (probe-file "bundle.lisp")))
    (when (and bundle (not (equal bundle (and (string/= file "") (probe-file (native-pathname file))))))
      (load-file "bundle.lisp")))
  (with-syntax-of-handlers
    (cond ((string= kind "script") (load-script file))
          ((string= kind "forms") (function-of-forms text))
          (t (load-file file)
             (function-of-symbol text)))))
