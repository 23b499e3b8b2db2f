# kit.sh -- for the tests of the command; to be read by them.
gcmalloc=$GCMTEST_BUILDDIR/tools/gcmalloc
[ -x "$gcmalloc" ] || exit 77
unset LD_PRELOAD
failed=0

fail() { # TEXT
	echo "${0##*/}: $*"
	failed=1
}

# expect STATUS PATTERN COMMAND...: the exit status, and a line on standard
# error that the pattern matches.  Output is in the files out and err.
expect() {
	wanted=$1 pattern=$2
	shift 2
	status=0
	timeout 60 "$@" > out 2> err < /dev/null || status=$?
	[ $status = "$wanted" ] || {
		fail "$*: status $status, not $wanted"
		cat err
	}
	grep -Eq -e "$pattern" err || {
		fail "$*: no line like '$pattern'"
		cat err
	}
}

# build NAME [FLAG...]: a program of the source on standard input.
build() {
	name=$1
	shift
	${TEST_CC:-cc} -O1 -w -I "$GCMTEST_SRCDIR/include" -x c -o "$name" - "$@"
}

# patch FILE OFFSET OCTAL...: bytes of a file.
patch_bytes() {
	file=$1 offset=$2
	shift 2
	printf "$(printf '\\%s' "$@")" |
		dd of="$file" bs=1 seek="$offset" conv=notrunc 2> dd.err
}
