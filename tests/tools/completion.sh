#!/bin/sh
# completion.sh -- what bash and zsh offer behind "gcmalloc".
. "$GCMTEST_SRCDIR/tests/tools/kit.sh"
command -v bash > bash.path || exit 77
PATH=${gcmalloc%/*}:$PATH

cat > ask << 'EOF'
# ask WORD...: what is offered for the last one, one a line.
. "$GCMTEST_SRCDIR/docs/completion/gcmalloc" || exit 1
COMP_WORDS=(gcmalloc "$@")
COMP_CWORD=$#
_gcmalloc gcmalloc "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
printf '%s\n' "${COMPREPLY[@]}" | sort -u
EOF

offers() { # "WORD..." PATTERN WORD...: those words, and none like the pattern
	wanted=$1 unwanted=$2
	shift 2
	bash ask "$@" > out 2> err || fail "$*: status $?"
	[ ! -s err ] || fail "$*: $(cat err)"
	for word in $wanted; do
		grep -qxF -e "$word" out || fail "gcmalloc $*: no $word"
	done
	if grep -E -e "$unwanted" out > bad; then
		fail "gcmalloc $*: $(tr '\n' ' ' < bad)"
	fi
}

mkdir folder
: > file.log
offers 'run doctor gc --help --version' '^-[^-]' ''
offers 'run' '^[^r]' r
offers '--percent --gctrace --log --help' '^[^-]' run -
offers '--percent --pause --ptrmask --poison' '^--[^p]' run --p
offers 'off' '^[^o]' run --percent ''
offers 'off cgroup' '^[^oc]' run --memlimit = ''
offers 'off cgroup' '^[^oc]' run --memlimit =
offers 'collect report' '^file' run --mode ''
offers 'report' '^[^r]' run --percent 5 --mode r
offers 'file.log folder' '^off' run --log f
offers 'file.log folder' '^off' run --gctrace --log = f
offers 'sh' '^[^s]' run sh
offers 'sh' '^[^s]' run --gctrace --percent 50 sh
offers 'sh' '^[^s]' run --percent = 50 -- sh
offers 'file.log folder' '^-' run --percent 50 cat f
offers '' '.' run --grace ''
offers '-n -o --help' 'percent' doctor -
offers 'file.log folder' '^-' doctor -o f
offers '' '.' nonsense ''

# Processes: those with the library.
gcmalloc run sleep 60 &
process=$!
sleep 60 &
other=$!
i=0
until grep -q libgcmalloc /proc/$process/maps || [ $((i += 1)) -gt 100 ]; do
	sleep 0.05
done
offers "$process" "^$other$|[^0-9]" gc ''
offers "$process" "^$other$" top ''
offers "$process sh" "^$other$" doctor ''
if command -v zsh > zsh.path; then
	cat > ask.zsh << 'EOF'
# What zsh offers, by a shell in a pseudo-terminal that is typed to.
zmodload zsh/zpty || exit 77
zpty shell zsh -f -i
zpty -w shell "PS1= PS2=; fpath=($GCMTEST_SRCDIR/docs/completion \$fpath)"
zpty -w shell 'autoload -U compinit && compinit -u -D; stty cols 200 -echo'
zpty -w shell 'zstyle ":completion:*" menu no; setopt no_beep; LISTMAX=9999'
zpty -w shell 'bindkey "^I" complete-word; zle -C list list-choices _main_complete; bindkey "^X" list; print READY'
zpty -r -m shell out '*READY*READY*'
zpty -n -w shell "$1"$'\x18'
sleep 1.5
out=
while zpty -r -t shell piece; do out+=$piece; done
zpty -d shell
print -r -- $out
EOF
	for pair in 'gcmalloc |doctor' 'gcmalloc r|run' \
		'gcmalloc run --per|percent' 'gcmalloc run --mode |quarantine' \
		"gcmalloc gc |$process"; do
		timeout 30 zsh -f ask.zsh "${pair%|*}" > out 2> err ||
			fail "zsh: $?: $(cat err)"
		grep -q -e "${pair#*|}" out || {
			fail "zsh: ${pair%|*}: no ${pair#*|}"
			cat -v out
		}
	done
fi
kill $process $other
wait $process $other 2> err
exit $failed
