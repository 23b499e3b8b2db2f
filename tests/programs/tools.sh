#!/bin/sh
# tools.sh -- programs that developers and administrators live in
. "$GCMTEST_SRCDIR/tests/programs/compare"

GIT='export GIT_AUTHOR_DATE="2020-01-01T00:00:00Z" GIT_COMMITTER_DATE="2020-01-01T00:00:00Z"
export GIT_CONFIG_NOSYSTEM=1 GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@x GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@x
'

workload git short git <<END
$GIT
git init -q -b main . && git config gc.auto 0
for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
	for f in a b c d; do seq \$i \$((i * 300)) > \$f; done
	git add . && git commit -q -m "commit \$i"
done
git log --stat --format='%H %s' | md5sum
git checkout -q -b side HEAD~3 && seq 1 5 > e && git add e && git commit -q -m side
git merge -q -m merge main && git log --graph --oneline | cat
git diff HEAD~2 | md5sum; git blame a | wc -l; git grep -c 77 HEAD~1
git gc -q --aggressive && git fsck --full && git count-objects -v
git clone -q . copy && git -C copy log --oneline | wc -l
git archive HEAD | md5sum; git bundle create -q packed main && git bundle verify -q packed
git rebase -q main side; git stash list; git rev-parse HEAD; git nonsense; echo \$?
END

workload git-large long git <<END
$GIT
git init -q -b main .
seq 1 3000 | while read -r i; do mkdir -p d\$((i % 40)); seq 1 \$((i % 90)) > d\$((i % 40))/f\$i; done
git add . && git commit -q -m all && git repack -adfq --window=50 --depth=50
git ls-tree -r HEAD | md5sum; git status --short | wc -l
git log -p | md5sum; git filter-branch -f --tree-filter 'rm -rf d7' HEAD > /dev/null 2>&1; git rev-parse HEAD
END

workload gdb short "gdb gcc" <<'END'
cat > a.c <<'EOT'
#include <stdlib.h>
#include <string.h>
struct s { int n; char *t; struct s *next; };
static int deep(struct s *s) { return s ? s->n + deep(s->next) : (int)strlen("x"); }
int main(void)
{
	struct s *h = NULL;
	for (int i = 0; i < 40; i++) {
		struct s *s = malloc(sizeof(*s));
		s->n = i; s->t = strdup("word"); s->next = h; h = s;
	}
	return deep(h) & 1;
}
EOT
gcc -g -O0 -o a a.c
# The program under gdb inherits the preload, too.
gdb -nx -batch -ex 'break deep if s && s->n == 3' -ex run -ex 'bt 3' -ex 'print *s->next' \
	-ex 'call (long)strlen(s->t)' -ex finish -ex 'info breakpoints' ./a 2>&1 |
	grep -vE 'process|debuginfod|libthread_db|Thread debugging' | sed 's/0x[0-9a-f]*/ADDR/g'
gdb -nx -batch -ex 'python print(sum(len(str(i)) for i in range(100000)))' -ex 'info functions main' ./a 2>&1 | md5sum
gdb -nx -batch -ex 'disassemble main' /bin/nothing 2>&1 || echo $?
END

workload strace short "strace" <<'END'
strace -o t true || exit 77
strace -f -o t sh -c 'echo a | cat; (exit 3)'; echo $?
grep -c 'exited with 3' t
END

workload vim short vim <<'END'
seq 1 3000 > f
vim -u NONE -N -es f <<'EOT'
%s/7/seven/g
g/99$/d
normal ggdGihello
undo
10,20!sort -r
let x = map(range(3000), 'v:val * 2')
call append(0, string(len(x)) . join(x, ',')[0:50])
w out
q!
EOT
md5sum out; head -n 1 out
END

workload tmux short tmux <<'END'
# A socket's path must be short; the server outlives the client.
s=$(mktemp -d) || exit 77
unset TMPDIR
tmux -f /dev/null -S "$s/s" new-session -d -x 80 -y 24 sh || exit 77
tmux -S "$s/s" send-keys 'seq 1 300 && echo en""d' Enter
n=0
until tmux -S "$s/s" capture-pane -p | grep -q '^end'; do
	sleep 0.1; n=$((n + 1)); [ $n -lt 100 ] || break
done
tmux -S "$s/s" capture-pane -p -S -100 | grep -c '^[0-9]'
tmux -S "$s/s" split-window 'cat' && tmux -S "$s/s" list-panes | wc -l
tmux -S "$s/s" kill-server
rm -rf "$s"
END

workload man-and-groff short "man nroff" <<'END'
cat > p.1 <<'EOT'
.TH P 1
.SH NAME
p \- a page
.SH TEXT
.TS
l l.
a	b
.TE
EOT
for i in $(seq 1 300); do printf '.TP\n.B item%d\nwords and \\fIwords\\fP %d\n' $i $i; done >> p.1
MANWIDTH=72 man -l p.1 2>/dev/null | md5sum
nroff -man p.1 | md5sum
END

workload less-and-file short "less file" <<'END'
seq 1 30000 > f
less f | md5sum; less -p 777 +G f | tail -n 1
file -b f /bin/sh /usr/lib/x86_64-linux-gnu/libc.so.6 /etc/passwd | sed 's/BuildID[^,]*//'
file -b --mime-type f /dev/null
END

workload curl short curl <<'END'
seq 1 100000 > f
curl -s "file://$PWD/f" | cmp - f && echo same
curl -s "file://$PWD/f" --range 5-20; echo
curl -s http://127.0.0.1:1/; echo $?
curl -s "file:///no/such"; echo $?
curl -sI "file://$PWD/f" | head -n 1
END

workload ps-and-friends short "ps" <<'END'
ps -o comm= -p $$; ps -ef | grep -c '[p]s -ef'
command -v pgrep > /dev/null && pgrep -c -P 1 > /dev/null; id -u; hostname | wc -l; uname -s
lscpu > /dev/null; df / > /dev/null; mount > /dev/null; ip -o addr show lo 2>/dev/null | grep -c 127.0.0.1
systemctl --version 2>/dev/null | head -n 1 | cut -d' ' -f1
END

workload qemu-user long qemu-x86_64 <<'END'
qemu-x86_64 /bin/echo emulated
qemu-x86_64 /usr/bin/sort -n -r /etc/passwd | md5sum
END

workload valgrind long valgrind <<'END'
valgrind -q /bin/true 2>/dev/null || exit 77
valgrind -q --tool=none sh -c 'echo text | cat'
END

workload privileges short setpriv <<'END'
[ "$(id -u)" = 0 ] || exit 77
setpriv --reuid=65534 --regid=65534 --clear-groups id -u
unshare -m -p -f --mount-proc sh -c 'echo $$' 2>/dev/null || echo no
unshare -Ur id -u 2>/dev/null || echo no
END

finish
