;;;; Source files: reads them, and finds the line of a call. SBCL knows the number of a call's form; the file is read
;;;; again to find the line.

(in-package #:lambda-script-runtime)

(defun native-pathname (file)
  "The pathname of FILE, without wildcards."
  (sb-ext:parse-native-namestring file))

(defvar *root* ""
  "The task root, with a slash at the end.")

(defun relative-name (file)
  "FILE relative to the task root; NIL if it is outside."
  (and (uiop:string-prefix-p *root* file)
       (subseq file (length *root*))))

(defun call-with-text (file function)
  "Calls FUNCTION with a stream of the characters of FILE that records the positions of forms."
  (with-open-file (stream (native-pathname file) :class 'sb-int:form-tracking-stream
                               :external-format '(:utf-8 :replacement #\REPLACEMENT_CHARACTER))
    (funcall function stream)))

(defun skip-marks (file stream)
  "Reads past the byte order mark of some editors, and a first line `#!...` for shells."
  (let ((head (with-open-file (octets (native-pathname file) :element-type '(unsigned-byte 8))
                (loop repeat 5 collect (read-byte octets nil 0)))))
    (when (equal (subseq head 0 3) '(#xEF #xBB #xBF))
      (read-char stream)
      (setf head (nthcdr 3 head)))
    (when (equal (map 'string #'code-char (subseq head 0 2)) "#!")
      (read-line stream nil))))

(defun file-text (file)
  "The text of FILE."
  (uiop:read-file-string (native-pathname file) :external-format '(:utf-8 :replacement #\REPLACEMENT_CHARACTER)))

(defun line-at (text position)
  "The line of the character at POSITION in TEXT."
  (1+ (count #\Newline text :end position)))

(defun source-forms (file)
  "Reads FILE as LOAD does. Returns its text, its top-level forms, and a table with the position of each list."
  (let ((forms (make-array 16 :adjustable t :fill-pointer 0)) (starts (make-hash-table :test #'eq)))
    (call-with-text
     file
     (lambda (stream)
       (skip-marks file stream)
       (setf (sb-impl::form-tracking-stream-observer stream)
             (lambda (start end form)
               (declare (ignore end))
               (when (consp form)
                 (setf (gethash form starts) start))))
       (let ((*package* (find-package '#:common-lisp-user)) (*readtable* (copy-readtable nil)) (*read-eval* nil))
         (loop for form = (read stream nil stream)
               until (eq form stream)
               do (when (typep form '(cons (eql in-package)))
                    (eval form))
                  (vector-push-extend form forms)))))
    (values (file-text file) forms starts)))

(defun start-of-form (forms starts top-level number)
  "The position of the form with SBCL's NUMBER in the form at TOP-LEVEL, or of the innermost list around it."
  (let* ((form (aref forms top-level))
         (path (cdr (svref (sb-di:form-number-translations form top-level) number))))
    (loop for start = (gethash form starts start)
          for index in (rest (reverse path))
          do (setf form (nth index form))
          finally (return (gethash form starts start)))))

(defun read-again (cache file)
  "The text of FILE, its forms, and their positions, from CACHE, a list whose rest is an alist of files."
  (rest (or (assoc file (rest cache) :test #'string=)
            (first (push (cons file (multiple-value-list (source-forms file))) (rest cache))))))

(defun place (location cache)
  "The place of a code location, as `FILE: line N`; NIL if its source is outside of the task root or has changed since."
  (ignore-errors
   (let* ((source (sb-di:code-location-debug-source location))
          (file (sb-c::debug-source-namestring source)))
     (when (and (relative-name file)
                (eql (sb-c::debug-source-created source) (file-write-date (native-pathname file))))
       (destructuring-bind (text forms starts) (read-again cache file)
         (format nil "~A: line ~D" (relative-name file)
                 (line-at text (start-of-form forms starts
                                              (sb-di:code-location-toplevel-form-offset location)
                                              (sb-di:code-location-form-number location)))))))))

(defun place-of-definition (designator cache)
  "The place where a function is defined, or NIL."
  (ignore-errors
   (let ((function (if (functionp designator) designator (fdefinition designator))))
     (place (sb-di:debug-fun-start-location (sb-di:fun-debug-fun function)) cache))))

(defun place-of-call (name cache)
  "The place of the only call of the function NAME in the files of CACHE; NIL if there are more or none."
  (loop with lines = '()
        for (file text nil starts) in (rest cache)
        do (loop for form being each hash-key of starts using (hash-value start)
                 do (when (eq name (first form))
                      (pushnew (format nil "~A: line ~D" (relative-name file) (line-at text start)) lines
                               :test #'string=)))
        finally (return (and lines (null (rest lines)) (first lines)))))
