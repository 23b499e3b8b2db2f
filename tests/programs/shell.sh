#!/bin/sh
# shell.sh -- shells and the small programs that they start
. "$GCMTEST_SRCDIR/tests/programs/compare"

workload dash short dash <<'END'
dash -c '
i=0; s=
while [ $i -lt 3000 ]; do
	i=$((i + 1)); s="$s $((i * i % 97))"
done
set -- $s
echo $# $1 $3000
f() { [ $1 -eq 0 ] || { echo "$1" | sed s/^/f/; f $(($1 - 1)); }; }
f 25
trap "echo left" EXIT
cat <<EOT | tr a-z A-Z
here is $(echo a document) ${s%% 9*}
EOT
exit 0'
END

workload bash-arrays short bash <<'END'
bash -c '
declare -A seen
for ((i = 0; i < 20000; i++)); do
	key="k$((i * 7919 % 5003))"
	seen[$key]+="$i,"
done
echo ${#seen[@]} ${#seen[k17]}
mapfile -t lines < <(seq 1 20000)
echo ${#lines[@]} ${lines[@]: -3}
[[ "2024-05-06" =~ ([0-9]+)-([0-9]+) ]] && echo "${BASH_REMATCH[@]}"
printf -v wide "%05000d" 7
echo ${#wide} ${wide//0/ab} | wc -c'
END

workload bash-jobs short bash <<'END'
bash -c '
for i in 1 2 3 4 5 6 7 8; do
	(x=$(seq $((i * 1000))); echo "$i ${#x}" > out.$i) &
done
wait
cat out.*
coproc { while read -r line; do echo "got $line"; done; }
echo one >&"${COPROC[1]}"
read -r answer <&"${COPROC[0]}"
echo "$answer"
kill $COPROC_PID
wait $COPROC_PID 2>/dev/null
trap "echo usr1" USR1
kill -USR1 $$
echo {a..z}{0..9} | md5sum'
END

workload bash-not-found short bash <<'END'
bash -c 'no-such-program; echo $?; cat /no/such/file; echo ${x?unset}'
echo $?
END

workload sort-and-join short sort <<'END'
seq 1 150000 | awk '{print ($1 * 7919) % 150001, "row", $1}' > a
sort -n -S 1M a | md5sum
sort --parallel=4 -S 20M -k 3,3nr a | md5sum
sort -k1,1 a > a.sorted
seq 1 2 150000 | sort > b
join a.sorted b | md5sum
sort -u -t' ' -k2,2 a
uniq -c b | tail -n 1
comm -12 b b | wc -l
tac a | shuf --random-source=a | sort -c 2>&1 | cut -c 1-20
split -n l/7 a part. && cat part.* | cmp - a && ls part.*
END

workload grep short grep <<'END'
seq 1 200000 | sed 's/7/seven/g' > f
grep -c seven f
grep -E '^(1|2)[0-9]*(seven|9)$' f | md5sum
grep -P '(\d)\1\1' f | tail -n 3
grep -n -B1 -A1 '19999$' f
grep -v -F -f /dev/null f | wc -l
seq 1000 3000 > patterns
grep -F -c -x -f patterns f
grep -r --include=patt* -l 2222 .
grep x /no/such; echo $?
END

workload sed short sed <<'END'
seq 1 30000 | sed -n '$!{h;d};H;x;s/\n/,/gp'
seq 1 20000 | sed -E ':a;N;$!ba;s/\n/ /g' | md5sum
yes 'the quick brown fox' | head -n 20000 | sed -E 's/(\w+) (\w+)/\2 \1/2;y/abc/xyz/' | md5sum
printf 'a\nb\nc\n' > f; sed -i.bak '2i\new' f; cat f f.bak
sed 's/\(/x/' f; echo $?
END

workload awk short awk <<'END'
awk 'BEGIN {
	for (i = 0; i < 100000; i++) a["k" (i * 7919 % 30011)] += i
	n = 0; for (k in a) { n++; s += a[k] }
	print n, s
	for (i = 0; i < 3000; i++) line = line sprintf("%d;", i)
	print length(line), split(line, parts, ";"), parts[1500]
	while (("seq 1 5" | getline x) > 0) t = t x
	print t, substr(line, 100, 20), match(line, /2999/), toupper("abc")
	gsub(/[0-4]/, "<&>", line); print length(line)
}'
END

workload find-and-xargs short find <<'END'
for d in a b c d e f; do
	mkdir -p $d/$d/$d
	for i in 1 2 3 4 5 6 7 8 9; do echo $d$i > $d/$d/$i; done
done
find . -type f -size -2 | sort | md5sum
find . -name '[3-5]' -printf '%P %s\n' | sort
find . -type f -print0 | sort -z | xargs -0 -n 7 -P 1 cat | md5sum
find . -type f -print0 | xargs -0 -P 4 -n 3 wc -c | grep -c total
find . -type d -empty -o -name 9 -exec rm {} + ; ls a/a
find /no/such; echo $?
ls -lR --time-style=+ . | awk '{print $1, $5, $6}' | md5sum
du -a --apparent-size a | sort | tail -n 2
END

workload diff-and-patch short "diff patch" <<'END'
seq 1 20000 > old
awk 'NR % 37 {print} NR % 101 == 0 {print "more", NR}' old > new
diff -u old new > d; echo $?; wc -l < d
diff -d --side-by-side --suppress-common-lines old new | md5sum
cp old try; patch -s try d && cmp try new && echo same
patch -s -R try d && cmp try old && echo back
diff3 old new old | md5sum
cmp old new || true
END

workload coreutils short "od base64 sha256sum factor" <<'END'
seq 1 50000 > a
base64 a | base64 -d | cmp - a && echo same
od -A x -t x1z a | tail -n 2
sha256sum a; b2sum a; cksum a; sum a
factor 18446744073709551617 1208925819614629174706177
expr 5 \* 7; printf '%s %08.3f %x\n' a 3.14159 255
paste -d, a a a | cut -d, -f2 | numfmt --to=iec | tail -n 1
fmt -w 40 a | tail -n 1; fold -w 7 a | tail -n 1; pr -3 -t a | tail -n 1
tr -dc 1-3 < a | wc -c; csplit -s -n 3 a 100 '{9}'; ls xx* | wc -l
nl a | tail -n 1; expand a | unexpand -a | md5sum; tsort <<EOT
a b
b c
EOT
dd if=a of=b bs=777 2>/dev/null; truncate -s 5 b; cat b; stat -c %s b
env -i A=1 env; nice -n 1 true; timeout 5 true; echo $?
END

workload bc-dc-ed short bc <<'END'
echo 'scale=300; 4*a(1); 2^2000' | bc -l
command -v dc > /dev/null && echo '20k 2 v p [la1+dsa*pla30>y]sy 0sa1 lyx' | dc
seq 1 1000 > f
ed -s f <<'EOT'
g/7/s//seven/g
500,600d
w
q
EOT
md5sum f
END

workload m4 short m4 <<'END'
m4 <<'EOT'
define(`loop', `ifelse($1, 0, , `$1 loop(decr($1))')')dnl
loop(400)
define(`fib', `ifelse(eval($1 < 2), 1, $1, `eval(fib(decr($1)) + fib(eval($1 - 2)))')')dnl
fib(14)
patsubst(`a long string', `[aeiou]', `<\&>')
EOT
END

finish
