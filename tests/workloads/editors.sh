# needs: vim emacs
seq 1 30000 > f
vim -u NONE -i NONE -es -N f -c '%s/\d\+/<&>/g' -c 'g/7/m0' -c 'sort' -c 'let a = map(range(100000), "string(v:val)")' -c 'call writefile([len(join(a, ","))], "n")' -c 'undo' -c 'redo' -c 'wq! g'; md5sum < g; cat n
cat > a.el <<'EOT'
(require 'cl-lib)
(let ((h (make-hash-table :test 'equal)) (l nil))
 (dotimes (i 100000) (puthash (format "k%d" (mod (* i 7919) 30011)) (list i) h))
 (princ (format "%d\n" (hash-table-count h)))
 (dotimes (i 200) (push (make-string (* i 50) ?x) l)) (garbage-collect)
 (with-temp-buffer (insert-file-contents "f") (goto-char (point-min)) (while (re-search-forward "\\([0-9]\\)7" nil t) (replace-match "<\\1>")) (princ (format "%s\n" (md5 (buffer-string)))) (c-mode) (font-lock-ensure 1 5000) (indent-region 1 300))
 (require 'cl-lib) (princ (format "%d\n" (cl-loop for i below 300000 sum (length (list i i)))))
 (dotimes (i 300) (with-temp-buffer (insert (make-string 3000 ?a)) (put-text-property 1 2000 'face 'bold) (buffer-substring 1 1000)))
 (let ((threads (cl-loop for i below 4 collect (make-thread (lambda () (dotimes (_ 1000) (make-list 100 1) (thread-yield))))))) (mapc #'thread-join threads)) (princ "threads\n")
 (princ (format "%S\n" (json-parse-string "{\"a\":[1,2,{\"b\":null}]}"))) (princ (with-temp-buffer (call-process "echo" nil t nil "child") (buffer-string))))
EOT
emacs -Q --batch -l a.el 2>/dev/null; emacs -Q --batch -f batch-byte-compile a.el 2>&1 | tail -2; emacs -Q --batch -l a.elc 2>/dev/null
