# stress: threads, forks and exits under load, with a seed that is printed and
# can be given again (README).  Each program is a table of cases that runs in
# seconds, for hours with GCMTEST_LONG.

stress_tests = \
	%D%/threads \
	%D%/flat \
	%D%/idle \
	%D%/fork \
	%D%/fork_signal \
	%D%/exit \
	%D%/cancel \
	%D%/early \
	%D%/load \
	%D%/calls \
	%D%/shortage

kit_sources = %D%/kit.h %D%/kit.c %D%/kit_run.c %D%/kit_block.c

%C%_threads_SOURCES = %D%/threads.c $(kit_sources)
%C%_flat_SOURCES = %D%/flat.c $(kit_sources)
%C%_idle_SOURCES = %D%/idle.c $(kit_sources)
%C%_fork_SOURCES = %D%/fork.c $(kit_sources)
%C%_fork_signal_SOURCES = %D%/fork_signal.c $(kit_sources)
%C%_exit_SOURCES = %D%/exit.c $(kit_sources)
%C%_cancel_SOURCES = %D%/cancel.c $(kit_sources)
%C%_early_SOURCES = %D%/early.c $(kit_sources)
%C%_load_SOURCES = %D%/load.c $(kit_sources)
%C%_load_LDADD = -ldl
%C%_calls_SOURCES = %D%/calls.c $(kit_sources)
%C%_shortage_SOURCES = %D%/shortage.c $(kit_sources)

if HAVE_CXX
stress_tests += %D%/cxx
%C%_cxx_SOURCES = %D%/cxx.cc $(kit_sources)
endif

# Opened and preloaded by load.
check_LTLIBRARIES += %D%/plugin.la
%C%_plugin_la_SOURCES = %D%/plugin.c
%C%_plugin_la_LDFLAGS = -module -avoid-version -rpath /nowhere

check_PROGRAMS += $(stress_tests)
TESTS += $(stress_tests)
EXTRA_DIST += %D%/README
