# timeout: 90
# programs: pdflatex groff pdftotext pdftoppm gs tesseract hunspell aspell
. ${0%/*}/common
has() { command -v "$1" > /dev/null && echo "$1"; }
export SOURCE_DATE_EPOCH=1000000000 FORCE_SOURCE_DATE=1
if has pdflatex; then (printf '\\documentclass{article}\\begin{document}\\tableofcontents\n'; for i in $(seq 1 60); do printf '\\section{S%d}\\label{s%d} Text %d, see \\ref{s%d}. \\[ \\sum_{i=0}^{%d} x_i^2 = \\frac{a}{b} \\]\n\n' $i $i $i $((61 - i)) $i; for j in $(seq 1 30); do printf 'Words of a sentence number %d that fill lines. ' $j; done; echo; done; printf '%s\n' '\end{document}') > a.tex; for i in 1 2; do pdflatex -interaction=batchmode a > /dev/null 2>&1; echo $?; done; grep -c 'LaTeX Warning' a.log; fi
has pdftotext && [ -e a.pdf ] && { pdftotext -layout a.pdf - | md5sum; pdftoppm -r 30 -f 1 -l 6 -png a.pdf p; cat p*.png | md5sum; pdfinfo a.pdf | grep -E 'Pages|Page size'; pdftocairo -svg -f 2 -l 2 a.pdf o.svg; grep -c . o.svg; pdfseparate -f 1 -l 5 a.pdf s%d.pdf; pdfunite s1.pdf s3.pdf s5.pdf u.pdf; pdftotext u.pdf - | md5sum; }
has groff && { (echo '.TH A 1'; for i in $(seq 1 300); do printf '.SH S%d\n.B bold\ntext \\fIitalic\\fP %d\n.TP\na\nb\n' $i $i; done) > a.1; groff -man -Tutf8 a.1 | md5sum; groff -man -Tps -P-pa4 a.1 | grep -v '^%%' | md5sum; }
has hunspell && { seq 1 400 | sed 's/.*/helo wrld speling correct words &/' | tr ' ' '\n' | hunspell -l -d en_US 2>&1 | sort | uniq -c | head -5; echo 'speling' | hunspell -a -d en_US 2>&1 | tail -n +2 | head -2; }
if has tesseract && command -v gs > /dev/null; then printf '%%!PS\n/Helvetica findfont 40 scalefont setfont 50 600 moveto (Hello World 12345) show 50 500 moveto (The quick brown fox) show showpage\n' > t.ps; gs -q -dNOPAUSE -dBATCH -sDEVICE=pnggray -r100 -sOutputFile=t.png t.ps; OMP_THREAD_LIMIT=2 timeout 60 tesseract t.png - 2> /dev/null; fi
