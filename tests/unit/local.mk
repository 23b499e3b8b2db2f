# unit: one Check program a module of core, on a fake of core/os.h.  Linked with
# core's convenience library, whose names differ from malloc's: the host's own
# malloc is beside it.  librig is what tests/fault and tests/fuzz use, too.
# To add one: its name in unit_tests, and a line for its library.

check_LTLIBRARIES += %D%/librig.la
%C%_librig_la_SOURCES = \
	%D%/os_fake.h \
	%D%/os_fake_parts.h \
	%D%/os_fake.c \
	%D%/os_fake_file.c \
	%D%/os_fake_range.c \
	%D%/os_fake_socket.c \
	%D%/os_fake_thread.c \
	%D%/os_fake_trace.c \
	%D%/rig.h \
	%D%/rig.c \
	%D%/rig_blocks.c \
	%D%/rig_tear.c
%C%_librig_la_LIBADD = core/libcore-noos.la

unit_tests = \
	%D%/alter \
	%D%/cache \
	%D%/channel \
	%D%/colour \
	%D%/event \
	%D%/filter \
	%D%/fork \
	%D%/fork_threads \
	%D%/gctrace \
	%D%/heap \
	%D%/large \
	%D%/limit \
	%D%/line \
	%D%/lock \
	%D%/meta \
	%D%/option \
	%D%/own \
	%D%/pace \
	%D%/pageheap \
	%D%/report \
	%D%/scavenge \
	%D%/serve \
	%D%/sizeclass \
	%D%/span \
	%D%/stat \
	%D%/table \
	%D%/threads \
	%D%/zone

# On the real kernel: what asks it about the process.
real_tests = \
	%D%/dirty \
	%D%/dirty_random \
	%D%/maps \
	%D%/pages \
	%D%/rouse

if HAVE_CHECK
check_PROGRAMS += $(unit_tests) $(real_tests)
TESTS += $(unit_tests) $(real_tests)

check_LTLIBRARIES += %D%/libunit.la %D%/libreal.la
endif

%C%_libreal_la_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
%C%_libreal_la_SOURCES = %D%/real.h %D%/real.c \
	%D%/dirty_rig.h %D%/dirty_rig.c %D%/unit_run.c %D%/rig.h \
	%D%/rig.c
%C%_libreal_la_LIBADD = scan/libscan.la core/libcore.la $(CHECK_LIBS)

%C%_libunit_la_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
%C%_libunit_la_SOURCES = %D%/unit.h %D%/unit.c \
	%D%/unit_run.c %D%/lives.h %D%/lives.c
%C%_libunit_la_LIBADD = %D%/librig.la $(CHECK_LIBS)

unit_cppflags = $(AM_CPPFLAGS) $(CHECK_CFLAGS)

%C%_alter_CPPFLAGS = $(unit_cppflags)
%C%_alter_LDADD = %D%/libunit.la
%C%_cache_CPPFLAGS = $(unit_cppflags)
%C%_cache_LDADD = %D%/libunit.la
%C%_channel_CPPFLAGS = $(unit_cppflags)
%C%_channel_LDADD = %D%/libunit.la
%C%_serve_CPPFLAGS = $(unit_cppflags)
%C%_serve_LDADD = %D%/libunit.la
%C%_rouse_CPPFLAGS = $(unit_cppflags)
%C%_rouse_LDADD = %D%/libreal.la
%C%_colour_CPPFLAGS = $(unit_cppflags)
%C%_colour_LDADD = %D%/libunit.la
%C%_event_CPPFLAGS = $(unit_cppflags)
%C%_event_LDADD = %D%/libunit.la
%C%_filter_CPPFLAGS = $(unit_cppflags)
%C%_filter_LDADD = scan/libscan.la %D%/libunit.la
%C%_dirty_CPPFLAGS = $(unit_cppflags)
%C%_dirty_LDADD = %D%/libreal.la
%C%_dirty_random_CPPFLAGS = $(unit_cppflags)
%C%_dirty_random_LDADD = %D%/libreal.la
%C%_fork_CPPFLAGS = $(unit_cppflags)
%C%_fork_LDADD = %D%/libunit.la
%C%_fork_threads_CPPFLAGS = $(unit_cppflags)
%C%_fork_threads_LDADD = %D%/libunit.la
%C%_gctrace_CPPFLAGS = $(unit_cppflags)
%C%_gctrace_LDADD = %D%/libunit.la
%C%_heap_CPPFLAGS = $(unit_cppflags)
%C%_heap_LDADD = %D%/libunit.la
%C%_large_CPPFLAGS = $(unit_cppflags)
%C%_large_LDADD = %D%/libunit.la
%C%_limit_CPPFLAGS = $(unit_cppflags)
%C%_limit_LDADD = %D%/libunit.la
%C%_line_CPPFLAGS = $(unit_cppflags)
%C%_line_LDADD = %D%/libunit.la
%C%_lock_CPPFLAGS = $(unit_cppflags)
%C%_lock_LDADD = %D%/libunit.la
%C%_maps_CPPFLAGS = $(unit_cppflags)
%C%_maps_LDADD = %D%/libreal.la
%C%_meta_CPPFLAGS = $(unit_cppflags)
%C%_meta_LDADD = %D%/libunit.la
%C%_option_CPPFLAGS = $(unit_cppflags)
%C%_option_LDADD = %D%/libunit.la
%C%_own_CPPFLAGS = $(unit_cppflags)
%C%_own_LDADD = %D%/libunit.la
%C%_pace_CPPFLAGS = $(unit_cppflags)
%C%_pace_LDADD = %D%/libunit.la
%C%_pageheap_CPPFLAGS = $(unit_cppflags)
%C%_pageheap_LDADD = %D%/libunit.la
%C%_pages_CPPFLAGS = $(unit_cppflags)
%C%_pages_LDADD = %D%/libreal.la
%C%_report_CPPFLAGS = $(unit_cppflags)
%C%_report_LDADD = %D%/libunit.la
%C%_scavenge_CPPFLAGS = $(unit_cppflags)
%C%_scavenge_LDADD = %D%/libunit.la
%C%_sizeclass_CPPFLAGS = $(unit_cppflags)
%C%_sizeclass_LDADD = %D%/libunit.la
%C%_span_CPPFLAGS = $(unit_cppflags)
%C%_span_LDADD = %D%/libunit.la
%C%_stat_CPPFLAGS = $(unit_cppflags)
%C%_stat_LDADD = %D%/libunit.la
%C%_table_CPPFLAGS = $(unit_cppflags)
%C%_table_LDADD = %D%/libunit.la
%C%_threads_CPPFLAGS = $(unit_cppflags)
%C%_threads_LDADD = %D%/libunit.la
%C%_zone_CPPFLAGS = $(unit_cppflags)
%C%_zone_LDADD = %D%/libunit.la

# The same programs, and fuzz and fault, under the compiler's sanitizers.
LONG_TESTS += %D%/sanitize.sh
EXTRA_DIST += %D%/sanitize.sh %D%/tsan/core/base.h %D%/tsan/line.c
SANITIZED = $(unit_tests) $(fault_tests) $(fuzz_tests)
AM_TESTS_ENVIRONMENT += SANITIZED='$(SANITIZED)'; export SANITIZED;

check-sanitize:
	$(AM_V_at)$(MAKE) $(AM_MAKEFLAGS) check check_PROGRAMS= check_LTLIBRARIES= \
		TESTS='%D%/sanitize.sh'
.PHONY: check-sanitize
