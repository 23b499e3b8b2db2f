# tests: one folder a layer.  A test is a program or a script that prints
# nothing and ends with 0, or with 77 to be skipped.  It runs in an empty
# folder of its own (in-scratch) with these in its environment:
#
#   GCMTEST_LIB       the built libgcmalloc.so, absolute; a test preloads it itself
#   GCMTEST_SRCDIR    top of the source tree, absolute
#   GCMTEST_BUILDDIR  top of the build tree, absolute
#   GCMTEST_LONG      1 in `make check-long`, else unset
#   TEST_CC, TEST_NM, TEST_CLANG_FORMAT: tools that configure chose
#
# The library knows none of these GCM_ names and would say so: a test takes
# them out of the environment of what it runs with the library preloaded.
#
# To add one: name it in the folder's local.mk.  A program tests/api/x of the
# one source tests/api/x.c needs no more than its name there.

AM_TESTS_ENVIRONMENT = \
	GCMTEST_LIB='$(abs_top_builddir)/.libs/libgcmalloc.so'; export GCMTEST_LIB; \
	GCMTEST_SRCDIR='$(abs_top_srcdir)'; export GCMTEST_SRCDIR; \
	GCMTEST_BUILDDIR='$(abs_top_builddir)'; export GCMTEST_BUILDDIR; \
	TEST_CC='$(CC)'; export TEST_CC; \
	TEST_NM='$(NM)'; export TEST_NM; \
	TEST_CLANG_FORMAT='$(CLANG_FORMAT)'; export TEST_CLANG_FORMAT;

IN_SCRATCH = $(SHELL) $(abs_top_srcdir)/%D%/in-scratch
TEST_EXTENSIONS = .sh .py
LOG_COMPILER = $(IN_SCRATCH)
SH_LOG_COMPILER = $(IN_SCRATCH)
PY_LOG_COMPILER = $(IN_SCRATCH)
EXTRA_DIST += %D%/in-scratch

# core alone must link: it calls nothing of the folders above it.
check_LTLIBRARIES += %D%/core-alone.la
%C%_core_alone_la_SOURCES =
%C%_core_alone_la_LIBADD = core/libcore.la
%C%_core_alone_la_LDFLAGS = -module -rpath /nowhere -Wl,-z,defs

# scan links with core and nothing else.
check_LTLIBRARIES += %D%/scan-on-core.la
%C%_scan_on_core_la_SOURCES =
%C%_scan_on_core_la_LIBADD = scan/libscan.la core/libcore.la
%C%_scan_on_core_la_LDFLAGS = -module -rpath /nowhere -Wl,-z,defs

include %D%/unit/local.mk
include %D%/fault/local.mk
include %D%/model/local.mk
include %D%/misuse/local.mk
include %D%/api/local.mk
include %D%/traps/local.mk
include %D%/tools/local.mk
include %D%/programs/local.mk
include %D%/workloads/local.mk
include %D%/stress/local.mk
include %D%/collect/local.mk
include %D%/collect/local_more.mk
include %D%/soak/local.mk
include %D%/fuzz/local.mk
include %D%/bench/local.mk
include %D%/lint/local.mk

# Automake writes the rules of those tests only that it sees in TESTS.
if NEVER
TESTS += $(LONG_TESTS)
endif

check-long:
	$(AM_V_at)GCMTEST_LONG=1 TEST_SECONDS=4200; \
	export GCMTEST_LONG TEST_SECONDS; \
	$(MAKE) $(AM_MAKEFLAGS) check TESTS='$(TESTS) $(LONG_TESTS)'

check-ratio:
	$(AM_V_at)rm -rf ratio && mkdir ratio
	$(AM_V_at)$(MAKE) $(AM_MAKEFLAGS) distdir distdir=ratio/source
	$(AM_V_at)TEST_CC='$(CC)' $(abs_top_srcdir)/%D%/check-ratio \
		'$(abs_builddir)/ratio/source' '$(abs_builddir)/ratio' \
		'$(abs_top_srcdir)/%D%/bench'
EXTRA_DIST += %D%/check-ratio

clean-local:
	-chmod -R u+rwx %D%/scratch 2>/dev/null
	-rm -rf %D%/scratch ratio

.PHONY: check-long check-ratio
