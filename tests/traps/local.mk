# traps: one program for each way in which a preloaded malloc is known to break
# others.  To add traps/x.c: one word here.  A plug-in to be opened with dlopen
# goes to check_LTLIBRARIES:
#
#   check_LTLIBRARIES += %D%/plugin.la
#   %C%_plugin_la_SOURCES = %D%/plugin.c
#   %C%_plugin_la_LDFLAGS = -module -avoid-version -rpath /nowhere
#
# and is found as $GCM_BUILDDIR/tests/traps/.libs/plugin.so.

trap_tests =

check_PROGRAMS += $(trap_tests)
TESTS += $(trap_tests)
