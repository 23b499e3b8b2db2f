#!/bin/sh
# systemd.sh -- systemd takes the drop-in, and the calls that we make are in
# the group that docs/systemd.md names.
. "$GCMTEST_SRCDIR/tests/tools/kit.sh"
command -v systemd-analyze > path || exit 77

cat > gcmtest.service << 'EOF'
[Service]
ExecStart=/bin/true
EOF
mkdir gcmtest.service.d
sed 's/^#\([A-Z]\)/\1/' "$GCMTEST_SRCDIR/docs/systemd/gcmalloc.conf" \
	> gcmtest.service.d/gcmalloc.conf
systemd-analyze verify --man=no "$PWD/gcmtest.service" > out 2>&1 ||
	grep -q 'gcm' out || exit 77 # no systemd to ask
if grep -E 'gcmtest|gcmalloc' out; then
	fail "systemd does not take the drop-in"
fi

# group NAME: its calls, one a line.
group() {
	systemd-analyze syscall-filter "$1" 2> err |
		sed -n 's/^ *\([@a-z0-9_-]*\)$/\1/p' | while read -r name; do
		case $name in
		"$1") ;;
		@*) group "$name" ;;
		*) echo "$name" ;;
		esac
	done
}
group @system-service | sort -u > allowed
[ "$(wc -l < allowed)" -gt 100 ] || exit 77
for name in userfaultfd process_vm_readv clone tgkill rt_sigaction mremap \
	madvise unshare ioctl close_range sched_getaffinity; do
	grep -qx "$name" allowed || fail "$name is not in @system-service"
done
exit $failed
