;;;; Finds the function that events call, from the handler's text and files. All of this runs at init.

(in-package #:lambda-script-runtime)

(defvar *handler* ""
  "The handler as the user wrote it, for messages.")

(defun fail-init (type format &rest arguments)
  "Ends init with one of the runtime's own errors."
  (throw 'failed
    (with-sober-printing
      (let ((*print-length* nil) (*print-case* :downcase))
        (make-failure (concatenate 'string "Runtime." type)
                      (format nil "handler `~A`: ~?" *handler* format arguments)
                      '())))))

(defmacro with-syntax-of-handlers (&body body)
  "Reads and loads in CL-USER, as LOAD does. All variables that a file sets keep their values, except these two."
  `(let ((*package* (find-package '#:common-lisp-user)) (*readtable* *readtable*))
     ,@body))

(defun squeezed (string)
  "STRING on one line."
  (format nil "~{~A~^ ~}" (remove "" (uiop:split-string string :separator '(#\Newline #\Space)) :test #'equal)))

(defun reason (condition)
  "The reason of a reader's error, without the stream, which belongs to the shim."
  (typecase condition
    (end-of-file "it ends inside of a form: close its parentheses and quotes")
    (simple-condition
     (squeezed (with-sober-printing
                 (apply #'format nil (simple-condition-format-control condition)
                        (simple-condition-format-arguments condition)))))
    (t (squeezed (report condition)))))

(defun read-form (text start)
  "Reads a form of TEXT from START on. Returns it, or TEXT itself if there is none, and the end of the form."
  (with-input-from-string (stream (subseq text start))
    (handler-case
        (let ((package *package*))
          (with-standard-io-syntax
            (let ((*package* package))
              (values (read stream nil text) (+ start (file-position stream))))))
      (error (condition)
        (fail-init "InvalidHandler" "`~A` cannot be read at character ~D: ~A"
                   text (max 1 (+ start (file-position stream))) (reason condition))))))

(defun is-function (symbol)
  "Whether SYMBOL names a function that can be called."
  (and (fboundp symbol) (not (macro-function symbol)) (not (special-operator-p symbol))))

(defun functions-in (package)
  "The functions whose names belong to PACKAGE, as suggestions."
  (let ((symbols '()))
    (when package
      (do-symbols (symbol package)
        (when (and (eq package (symbol-package symbol)) (is-function symbol))
          (pushnew symbol symbols))))
    (sort symbols #'string<)))

(defun undefined (symbol)
  "Ends init: there is no such function. Suggests functions of the same name in other packages."
  (let* ((package (symbol-package symbol))
         (elsewhere (remove-if-not #'is-function (find-all-symbols symbol)))
         (others (or elsewhere (functions-in package))))
    (fail-init "HandlerNotFound" "there is no function ~A in the package ~A~A"
               (symbol-name symbol) (if package (package-name package) "NIL")
               (with-sober-printing
                 (let ((*print-case* :downcase) (shown (subseq others 0 (min 10 (length others)))))
                   (cond ((macro-function symbol)
                          (format nil ": `~S` is a macro; name a function, as one that calls it" symbol))
                         ((special-operator-p symbol)
                          (format nil ": `~S` is a special operator; name a function" symbol))
                         (others
                          (format nil "; there is ~{`~S`~^, ~}: name ~:[one of them~;that one~]" shown (null (rest shown))))
                         (t ", and no other: the file defines none in it")))))))

(defun check-function (designator)
  "DESIGNATOR, if it can be called."
  (cond ((functionp designator) designator)
        ((or (not (symbolp designator)) (null designator))
         (fail-init "InvalidHandler"
                    "it gives ~A, which is no function: end it with a function, or with its quoted name"
                    (with-sober-printing (prin1-to-string designator))))
        ((is-function designator) designator)
        (t (undefined designator))))

(defun function-of-symbol (text)
  "The function that TEXT, one symbol, names."
  (multiple-value-bind (symbol end) (read-form text 0)
    (unless (and symbol (symbolp symbol) (eq text (read-form text end)))
      (fail-init "InvalidHandler" "`~A` is not the name of a function" text))
    (check-function symbol)))

(defvar *libraries*
  '(("yason" "cl-yason") ("jsown") ("cl-json" nil "json") ("st-json") ("json-streams") ("com.gigamonkeys.json")
    ("alexandria" "cl-alexandria"))
  "The libraries of the image: system, Debian's package, and the Lisp package if its name differs.")

(defvar *not-loaded* '()
  "An alist: systems that ASDF could not load, and why.")

(defun library-package (library)
  "The name of a library's package."
  (or (third library) (first library)))

(defun names-package-p (text name)
  "Whether TEXT seems to name a package: it contains NAME as `NAME:`, `:NAME` or a string."
  (flet ((mark-p (position)
           (and (< -1 position (length text)) (find (char text position) ":\"")))
         (part-p (position)
           (and (< -1 position (length text))
                (or (alphanumericp (char text position)) (find (char text position) "-.")))))
    (loop for start = (search name text :test #'char-equal) then (search name text :test #'char-equal :start2 (1+ start))
          while start
            thereis (let ((before (1- start)) (after (+ start (length name))))
                      (and (not (part-p before)) (not (part-p after))
                           (or (mark-p before) (mark-p after)))))))

(defun provide-libraries (file)
  "Loads the image's libraries that FILE names, if ASDF finds them: a local run may have no core."
  (when (and *deferred* (names-package-p (file-text file) "durable"))
    (load-deferred))
  (let ((missing (remove-if (lambda (library) (find-package (string-upcase (library-package library)))) *libraries*)))
    (when missing
      (let ((text (file-text file)))
        (dolist (library missing)
          (when (names-package-p text (library-package library))
            (handler-case
                (let ((*standard-output* (make-broadcast-stream)))
                  (handler-bind ((warning #'muffle-warning))
                    (asdf:load-system (first library))))
              (error (condition)
                (push (cons (first library) (squeezed (report condition))) *not-loaded*)))))))))

(defun missing-library (condition)
  "The advice for a library that CONDITION does not find; NIL for other conditions."
  (let* ((name (typecase condition
                 (asdf:missing-component (asdf/find-component:missing-requires condition))
                 (package-error (package-error-package condition))))
         (library (and name
                       (typep name '(or string symbol))
                       (find-if (lambda (library)
                                  (or (string-equal name (first library)) (string-equal name (third library))))
                                *libraries*))))
    (when library
      (destructuring-bind (system &optional debian package) library
        (declare (ignore package))
        (with-sober-printing
          (format nil "the library `~A` is not in the Lisp core, and ASDF does not load it~@[ (~A)~]: ~@[install Debian's `~A`, ~]~
                       put its source into `~~/common-lisp`, or ship it in a Quicklisp bundle, ~
                       `(ql:bundle-systems '(\"~A\") :to \"FOLDER/\")`, whose `bundle.lisp` the runtime loads first"
                  system (cdr (assoc system *not-loaded* :test #'string=)) debian system))))))

(defun cause (condition)
  "The reader's condition inside of a condition of LOAD."
  (if (typep condition 'sb-c::input-error-in-load)
      (sb-int:encapsulated-condition condition)
      condition))

(defun line-of (stream condition)
  "The line of the form in the file STREAM that CONDITION is about; for errors of the reader, the line of the error."
  (ignore-errors
   (car (if (or (eq condition (cause condition)) (typep (cause condition) 'end-of-file))
            (sb-impl::line/col-from-charpos stream (sb-int:form-tracking-stream-form-start-char-pos stream))
            (sb-impl::line/col-from-charpos stream)))))

(defun load-error (condition stream)
  "The reason why the last form that was read from STREAM has ended the load."
  (let ((cause (cause condition)))
    (cond ((missing-library cause))
          ((eq cause condition)
           (format nil "~A: ~A" (type-name condition) (squeezed (report condition))))
          (t
           ;; this may be the stream of a file that the form loads
           (let* ((other (stream-error-stream condition))
                  (file (unless (eq other stream)
                          (ignore-errors (sb-ext:native-namestring (pathname other))))))
             (format nil "~@[`~A`, ~]~@[line ~D: ~]~A"
                     (and file (or (relative-name file) file))
                     (and file (line-of other condition))
                     (if (typep cause 'end-of-file)
                         "end of file inside of this form: close its parentheses and quotes"
                         (reason cause))))))))

(defun call-loading (name stream function &optional (advice (constantly nil)))
  "Calls FUNCTION, which loads NAME, from STREAM if it is source. An error has the place and the result of ADVICE."
  (let ((*failure-of*
          (lambda (condition)
            (make-failure
             "Runtime.HandlerLoadFailed"
             (if (typep condition 'sb-fasl::invalid-fasl)
                 (format nil "`~A` was not compiled by this SBCL, ~A: compile it again with this one, ~
                              or put its source in its place (~A)"
                         name (lisp-implementation-version) (squeezed (report condition)))
                 (with-sober-printing
                   (format nil "`~A` could not be loaded~@[, line ~D~]: ~A~@[; ~A~]"
                           name (and stream (line-of stream condition)) (load-error condition stream)
                           (funcall advice))))
             (if (or (missing-library condition) (not (eq condition (cause condition))))
                 '()
                 (backtrace condition *evaluators*))))))
    (funcall function)))

(defun call-with-source (file function &optional (advice (constantly nil)))
  "Calls FUNCTION with a stream of the source FILE, to load it."
  (provide-libraries file)
  (call-with-text
   file
   (lambda (stream)
     (skip-marks file stream)
     (call-loading file stream (lambda () (funcall function stream)) advice))))

(defun load-file (file)
  "Loads FILE, a fasl or source."
  (if (string= (pathname-type (native-pathname file)) "fasl")
      (call-loading file nil (lambda () (load (native-pathname file))))
      (call-with-source file #'load)))

(defun calls-main-p (form)
  "Whether FORM calls a function named MAIN."
  (and (consp form)
       (or (and (symbolp (first form)) (string= "MAIN" (first form)))
           (loop for rest = form then (cdr rest)
                 while (consp rest)
                   thereis (calls-main-p (car rest))))))

(defun load-script (file)
  "Loads FILE and returns MAIN of the package that is current at its end. EXIT with status 0 ends the file."
  (let ((package *package*) (current nil) (line nil) (status 0))
    (flet ((around (evaluate form)
             (let ((outer current))
               (setf current form)
               (unwind-protect (multiple-value-prog1 (funcall evaluate)
                                 (setf current outer))
                 (setf package *package*))))
           (advice ()
             (and (calls-main-p current)
                  "the runtime calls `main` for each event: leave the call out of the file")))
      (let ((*around-forms* #'around))
        (call-with-source file
                          (lambda (stream)
                            (setf status (call-catching-exit (lambda () (load stream)))
                                  line (line-of stream nil)))
                          #'advice))
      (unless (eql status 0)
        (throw 'failed
          (make-failure "Runtime.HandlerLoadFailed"
                        (format nil "`~A` could not be loaded, line ~D: it exits with status ~D~@[; ~A~]"
                                file line status (advice))
                        '())))
      (check-function (intern "MAIN" package)))))

(defun function-of-forms (text)
  "Evaluates the forms of TEXT in their order, each before the next is read. The last one returns the function."
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
