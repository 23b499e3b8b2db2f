# programs: hg svn
# timeout: 90
. ${0%/*}/common
has() { command -v "$1" > /dev/null && echo "$1"; }
if has hg; then hg init h; cd h; for i in 1 2 3 4 5; do seq $i $((i * 500)) > f$i; hg add -q f$i; hg commit -q -u a -d "0 0" -m c$i; done; hg log --template '{node|short}\n' | md5sum; hg update -q 2; echo x > y; hg add y; hg commit -q -u a -d "0 0" -m side; hg merge -q; hg commit -q -u a -d "0 0" -m m; hg verify -q; hg clone -q . ../h2; hg -R ../h2 log -G | md5sum; cd ..; fi
if has svn; then svnadmin create sv; svn checkout -q "file://$PWD/sv" w; cd w; for i in 1 2 3 4; do seq $i $((i * 500)) > f$i; svn add -q f$i; svn commit -q -m c$i --username a; done; svn copy -q f1 g1; svn commit -q -m cp; svn update -q; svn log -q | grep -c ^r; svn cat -r 3 f2 | md5sum; svn diff -r 1:3 | md5sum; svnadmin verify -q ../sv; echo $?; svnadmin dump -q ../sv | grep -c ^Node-path; cd ..; fi
