# traps: one program for each way in which a preloaded malloc is known to break
# others.  Each is a table of cases on the kit of tests/stress (its README says
# how to run one and how to replay a failure).

trap_tests = \
	%D%/blocking \
	%D%/cancelled \
	%D%/coroutines \
	%D%/costs \
	%D%/crossing \
	%D%/deaf \
	%D%/descriptors \
	%D%/edges \
	%D%/faults \
	%D%/exec \
	%D%/flight \
	%D%/handlers \
	%D%/held \
	%D%/kernel \
	%D%/limits \
	%D%/memory \
	%D%/next_malloc \
	%D%/noticed \
	%D%/obstacle \
	%D%/own_malloc \
	%D%/pages \
	%D%/preload_dl \
	%D%/preload_map \
	%D%/preload_process \
	%D%/ring \
	%D%/seccomp \
	%D%/secure \
	%D%/served \
	%D%/single \
	%D%/stacks \
	%D%/stdio \
	%D%/taken \
	%D%/threads \
	%D%/waits

trap_kit = tests/stress/kit.h tests/stress/kit.c tests/stress/kit_run.c \
	tests/stress/kit_block.c
trap_block = $(trap_kit) %D%/block.h %D%/block.c

%C%_blocking_SOURCES = %D%/blocking.c $(trap_kit)
%C%_cancelled_SOURCES = %D%/cancelled.c $(trap_kit)
%C%_coroutines_SOURCES = %D%/coroutines.c $(trap_block)
%C%_costs_SOURCES = %D%/costs.c $(trap_block)
%C%_crossing_SOURCES = %D%/crossing.c $(trap_kit)
%C%_crossing_LDADD = -ldl
%C%_deaf_SOURCES = %D%/deaf.c $(trap_kit)
%C%_deaf_LDADD = core/libcore.la
%C%_descriptors_SOURCES = %D%/descriptors.c $(trap_kit)
%C%_edges_SOURCES = %D%/edges.c $(both_kit)
%C%_faults_SOURCES = %D%/faults.c $(trap_kit)
%C%_flight_SOURCES = %D%/flight.c $(trap_block)
%C%_exec_SOURCES = %D%/exec.c $(trap_kit)
%C%_handlers_SOURCES = %D%/handlers.c $(trap_kit)
%C%_held_SOURCES = %D%/held.c tests/collect/hold.h $(trap_block)
%C%_held_LDADD = -ldl
if X86_64
%C%_held_SOURCES += tests/collect/hold_x86_64.c
endif
if AARCH64
%C%_held_SOURCES += tests/collect/hold_aarch64.c
endif
%C%_kernel_SOURCES = %D%/kernel.c $(trap_block)
%C%_limits_SOURCES = %D%/limits.c $(trap_kit)
%C%_memory_SOURCES = %D%/memory.c $(trap_block)
%C%_memory_LDADD = -ldl
%C%_next_malloc_SOURCES = %D%/next_malloc.c $(trap_kit)
%C%_next_malloc_LDADD = -ldl
%C%_obstacle_SOURCES = %D%/obstacle.c $(trap_kit)
%C%_own_malloc_SOURCES = %D%/own_malloc.c $(trap_kit)
%C%_own_malloc_LDADD = -ldl
%C%_pages_SOURCES = %D%/pages.c $(trap_kit)
%C%_preload_dl_SOURCES = %D%/preload_dl.c $(trap_kit)
%C%_preload_dl_LDADD = -ldl
%C%_preload_dl_LDFLAGS = -Wl,-rpath,$(abs_top_builddir)/%D%/.libs
%C%_preload_map_SOURCES = %D%/preload_map.c $(trap_kit)
%C%_preload_process_SOURCES = %D%/preload_process.c $(trap_kit)
%C%_ring_SOURCES = %D%/ring.c $(trap_block)
%C%_seccomp_SOURCES = %D%/seccomp.c $(trap_kit)
%C%_secure_SOURCES = %D%/secure.c $(trap_kit)
%C%_secure_LDADD = -ldl
%C%_stacks_SOURCES = %D%/stacks.c $(trap_kit)
%C%_threads_SOURCES = %D%/threads.c $(trap_kit)
%C%_threads_LDADD = core/libcore.la
both_kit = %D%/both.h %D%/both.c $(trap_kit)
%C%_noticed_SOURCES = %D%/noticed.c $(both_kit)
%C%_stdio_SOURCES = %D%/stdio.c $(both_kit)
%C%_taken_SOURCES = %D%/taken.c $(trap_kit)
%C%_waits_SOURCES = %D%/waits.c %D%/waits_calls.c %D%/waits_rig.c %D%/waits.h \
	$(both_kit)
%C%_served_SOURCES = %D%/served.c $(trap_kit)
%C%_single_SOURCES = %D%/single.c $(trap_kit)

# Opened by crossing, own_malloc and preload_dl.
check_LTLIBRARIES += %D%/preload_plugin.la
%C%_preload_plugin_la_SOURCES = %D%/preload_plugin.c
%C%_preload_plugin_la_LDFLAGS = -module -avoid-version -rpath /nowhere

# Opened by held and memory.
check_LTLIBRARIES += %D%/held_plugin.la
%C%_held_plugin_la_SOURCES = %D%/held_plugin.c
%C%_held_plugin_la_LDFLAGS = -module -avoid-version -rpath /nowhere

check_PROGRAMS += $(trap_tests)
TESTS += $(trap_tests) %D%/tools.sh
EXTRA_DIST += %D%/tools.sh
