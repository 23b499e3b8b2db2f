#!/bin/sh
# sanitize.sh -- the unit, fault and fuzz programs with core compiled in, under
# AddressSanitizer with UndefinedBehaviorSanitizer, and under ThreadSanitizer.
# These keep much of the address space for themselves, so the zone's windows
# are moved to where there is room.  SANITIZED names the programs; KINDS may
# name some of the sanitizers.
set -eu

: "${GCMTEST_SRCDIR:?}" "${SANITIZED:?}"
cc=${TEST_CC:-gcc}
machine=$(uname -m)
[ "$machine" = x86_64 ] || exit 77

common='-std=gnu11 -g -O1 -pthread -fno-strict-aliasing -fno-omit-frame-pointer
	-D_GNU_SOURCE -DPACKAGE_VERSION="sanitized" -ftls-model=initial-exec -w'
export ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1:handle_segv=0
export UBSAN_OPTIONS=print_stacktrace=1
export TSAN_OPTIONS=halt_on_error=1:history_size=7

# The system's clang or gcc may lack a runtime: then there is nothing to do.
works() {
	echo 'int main(void) { return 0; }' > try.c
	$cc $1 -o try try.c 2> /dev/null && ./try 2> /dev/null
}

compile() { # FLAGS SOURCE OBJECT
	$cc $common $1 -c -o "$3" "$2"
}

build_objects() { # KIND FLAGS
	for source in "$GCMTEST_SRCDIR"/core/*.c; do
		name=$(basename "$source" .c)
		flags=$2
		case $1:$name in
		*:os_linux | *:os_linux_file | *:os_linux_socket | *:arch_aarch64 | *:line_aarch64) continue ;;
		thread:line | thread:line_x86_64) continue ;;
		thread:stat) # counts states by words, beside those who store
			flags="$2 -fno-sanitize=thread" ;;
		esac
		compile "$flags" "$source" "$1/core_$name.o"
	done
	for name in os_fake os_fake_file os_fake_range os_fake_socket os_fake_thread rig \
	    rig_blocks rig_tear; do
		compile "$2" "$GCMTEST_SRCDIR/tests/unit/$name.c" "$1/rig_$name.o"
	done
	[ "$1" != thread ] ||
		compile "$2" "$GCMTEST_SRCDIR/tests/unit/tsan/line.c" "$1/core_line.o"
}

sources_of() {
	case $1 in
	*/fault) echo tests/fault/fault.c tests/fault/scenario.c ;;
	*/ops) echo tests/fuzz/ops.c tests/fuzz/step.c ;;
	*/fuzz/channel) echo tests/fuzz/channel.c ;;
	*/filter) echo "$1.c" tests/unit/unit.c tests/unit/unit_run.c tests/unit/lives.c scan/filter.c scan/filter_x86_64.c ;;
	*) echo "$1.c" tests/unit/unit.c tests/unit/unit_run.c tests/unit/lives.c ;;
	esac
}

# Under ThreadSanitizer only what has threads; the finders are not its own.
wanted() {
	case $1:$2 in
	thread:*/threads | thread:*/lock | thread:*/large) return 0 ;;
	thread:*/scavenge | thread:*/meta) return 0 ;;
	thread:*) return 1 ;;
	esac
}

run() { # KIND FLAGS
	works "$2" || return 0
	mkdir "$1"
	build_objects "$1" "$2"
	for program in $SANITIZED; do
		wanted "$1" "$program" || continue
		sources=
		for source in $(sources_of "$program"); do
			sources="$sources $GCMTEST_SRCDIR/$source"
		done
		check=
		case $program in
		*/unit/*) check=$(pkg-config --libs check) ;;
		esac
		binary=$1/$(basename "$program")
		$cc $common $2 -o "$binary" $sources "$1"/*.o $check
		"./$binary" || {
			echo "sanitize: $1: $program"
			status=1
		}
	done
}

status=0
for kind in ${KINDS:-address thread}; do
	case $kind in
	address)
		run address "-fsanitize=address,undefined
			-fno-sanitize-recover=all -fno-sanitize=alignment
			-I$GCMTEST_SRCDIR -I$GCMTEST_SRCDIR/tests/unit
			-DGCM_ZONE_WINDOW=0x208000000000u
			-DGCM_ZONE_LIMIT=0x300000000000u
			-DGCM_STATE_BIAS=0x400000000000u
			-DGCM_PAGE_BIAS=0x480000000000u
			-DGCM_CLEAN_BIAS=0x4c0000000000u
			-DGCM_OWN_WINDOW=0x4000000000u"
		;;
	thread)
		run thread "-fsanitize=thread
			-I$GCMTEST_SRCDIR/tests/unit/tsan
			-I$GCMTEST_SRCDIR -I$GCMTEST_SRCDIR/tests/unit
			-DOS_FAKE_RANDOM=0
			-DGCM_ZONE_WINDOW=0x1000000000u
			-DGCM_ZONE_LIMIT=0x4000000000u
			-DGCM_STATE_BIAS=0x4800000000u
			-DGCM_PAGE_BIAS=0x5000000000u
			-DGCM_CLEAN_BIAS=0x5800000000u
			-DGCM_OWN_WINDOW=0x800000000u"
		;;
	esac
done
exit $status
