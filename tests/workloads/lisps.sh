cat > a.lisp <<'EOT'
(defun tree (d) (if (= d 0) nil (list (tree (- d 1)) (format nil "~a" d) (tree (- d 1)))))
(defun cnt (x) (if (consp x) (+ 1 (cnt (first x)) (cnt (third x))) 0))
(format t "~a~%" (cnt (tree 14)))
(let ((h (make-hash-table :test 'equal)))
  (dotimes (i 100000) (setf (gethash (format nil "~a" (mod (* i 7919) 30011)) h) (list i)))
  (format t "~a~%" (hash-table-count h)))
(dotimes (i 20) (make-array 100000 :initial-element i))
(format t "~a~%" (mod (expt 3 20000) 1000007))
(defun f (n) (if (< n 2) 1 (+ (f (- n 1)) (f (- n 2)))))
(compile 'f)
(format t "~a~%" (f 24))
EOT
sbcl --script a.lisp 2>&1 | grep -v '^;'
echo '(require :sb-posix) (let ((l (loop for i below 20000 collect (sb-alien:make-alien sb-alien:int 20)))) (dolist (p l) (setf (sb-alien:deref p 0) 7)) (gc :full t) (sleep 0.2) (print (loop for p in l sum (sb-alien:deref p 0) do (sb-alien:free-alien p))))' | sbcl --noinform --no-userinit --no-sysinit 2>&1 | tail -3
command -v ecl > /dev/null && ecl --shell a.lisp 2>&1 | grep -v '^;'
command -v clisp > /dev/null && clisp -q a.lisp
echo 'integrate(1/(1+x^3),x); factor(x^60-1); solve(x^3-2*x+1=0,x); expand((x+y+1)^20)$ part(%,7); bfloat(%pi), fpprec:200; invert(genmatrix(lambda([i,j],1/(i+j-1)),12,12))[3,4];' | maxima --very-quiet
