# bench: programs to be timed; `make check` builds none of them.
#
#   make bench        the table: time, CPU, peak memory beside other allocators
#   make bench-insn   instructions per malloc and free; cost of starting
#   make bench-gc     the collector: trees, leaks, marking, pauses
#   make bench-event  what the execution trace costs, on and off
#   make bench-onoff  the first table's rows with the collector and without
#   make bench-servers  servers under load, plain and preloaded
#
# BENCH_FLAGS goes to run.py, gc.py and servers.py: `make bench BENCH_FLAGS='--rounds 5 cfrac real'`.
# To add a program: its name in bench_programs, a line for its sources, and a
# line in rows.py.

bench_common = %D%/bench.c %D%/bench.h

bench_programs = \
	%D%/alloc_test \
	%D%/barnes \
	%D%/binary_trees \
	%D%/cache \
	%D%/calloc \
	%D%/cfrac \
	%D%/espresso \
	%D%/frag \
	%D%/glibc_simple \
	%D%/glibc_thread \
	%D%/handoff \
	%D%/idle \
	%D%/insn \
	%D%/large \
	%D%/larson \
	%D%/leak_server \
	%D%/many \
	%D%/mark_rate \
	%D%/measure \
	%D%/memalign \
	%D%/memcached_load \
	%D%/mstress \
	%D%/pauses \
	%D%/realloc \
	%D%/rptest \
	%D%/sh \
	%D%/start \
	%D%/threads \
	%D%/xmalloc

%C%_alloc_test_SOURCES = %D%/alloc_test.c $(bench_common)
%C%_barnes_SOURCES = %D%/barnes.c $(bench_common)
%C%_binary_trees_SOURCES = %D%/binary_trees.c $(bench_common)
%C%_cache_SOURCES = %D%/cache.c $(bench_common)
%C%_calloc_SOURCES = %D%/calloc.c $(bench_common)
%C%_cfrac_SOURCES = %D%/cfrac.c $(bench_common)
%C%_espresso_SOURCES = %D%/espresso.c $(bench_common)
%C%_frag_SOURCES = %D%/frag.c $(bench_common)
%C%_glibc_simple_SOURCES = %D%/glibc_simple.c $(bench_common)
%C%_glibc_thread_SOURCES = %D%/glibc_thread.c $(bench_common)
%C%_handoff_SOURCES = %D%/handoff.c $(bench_common)
%C%_idle_SOURCES = %D%/idle.c $(bench_common)
%C%_insn_SOURCES = %D%/insn.c $(bench_common)
%C%_large_SOURCES = %D%/large.c $(bench_common)
%C%_larson_SOURCES = %D%/larson.c $(bench_common)
%C%_leak_server_SOURCES = %D%/leak_server.c $(bench_common)
%C%_many_SOURCES = %D%/many.c $(bench_common)
%C%_mark_rate_SOURCES = %D%/mark_rate.c $(bench_common)
%C%_measure_SOURCES = %D%/measure.c
%C%_memalign_SOURCES = %D%/memalign.c $(bench_common)
%C%_memcached_load_SOURCES = %D%/memcached_load.c
%C%_mstress_SOURCES = %D%/mstress.c $(bench_common)
%C%_pauses_SOURCES = %D%/pauses.c $(bench_common)
%C%_realloc_SOURCES = %D%/realloc.c $(bench_common)
%C%_rptest_SOURCES = %D%/rptest.c $(bench_common)
%C%_sh_SOURCES = %D%/sh.c $(bench_common)
%C%_start_SOURCES = %D%/start.c
%C%_threads_SOURCES = %D%/threads.c $(bench_common)
%C%_xmalloc_SOURCES = %D%/xmalloc.c $(bench_common)

if HAVE_CXX
bench_programs += %D%/stl
%C%_stl_SOURCES = %D%/stl.cc $(bench_common)
else
EXTRA_DIST += %D%/stl.cc
endif

EXTRA_PROGRAMS += $(bench_programs)
EXTRA_DIST += \
	%D%/run.py \
	%D%/gc.py \
	%D%/event.py \
	%D%/binary_trees.go \
	%D%/pauses.go \
	%D%/rows.py \
	%D%/servers.py \
	%D%/inputs.py \
	%D%/report.py \
	%D%/insn.py \
	%D%/start.py \
	%D%/inputs/churn.php \
	%D%/inputs/churn.pl \
	%D%/inputs/churn.py \
	%D%/inputs/churn.rb \
	%D%/inputs/churn.sql

BENCH_FLAGS =
bench_options = --bin %D% --lib .libs/libgcmalloc.so

bench: all $(bench_programs)
	$(AM_V_at)$(PYTHON) $(srcdir)/%D%/run.py $(bench_options) \
		--work %D%/work $(BENCH_FLAGS)

bench-insn: all $(bench_programs)
	$(AM_V_at)$(PYTHON) $(srcdir)/%D%/insn.py $(bench_options)
	@echo
	$(AM_V_at)$(PYTHON) $(srcdir)/%D%/start.py $(bench_options)

bench-gc: all $(bench_programs)
	$(AM_V_at)$(PYTHON) $(srcdir)/%D%/gc.py $(bench_options) \
		--work %D%/work $(BENCH_FLAGS)

bench-event: all tests/collect/event_body$(EXEEXT)
	$(AM_V_at)$(PYTHON) $(srcdir)/%D%/event.py --lib .libs/libgcmalloc.so \
		--program tests/collect/event_body$(EXEEXT)

bench-onoff: all $(bench_programs)
	$(AM_V_at)$(PYTHON) $(srcdir)/%D%/gc.py $(bench_options) \
		--work %D%/work $(BENCH_FLAGS) onoff

bench-servers: all $(bench_programs)
	$(AM_V_at)$(PYTHON) $(srcdir)/%D%/servers.py $(bench_options) \
		--work %D%/work/servers $(BENCH_FLAGS)

# `make clean` takes the generated inputs away too.
clean-local: clean-bench
clean-bench:
	-rm -rf %D%/work

.PHONY: bench bench-event bench-gc bench-insn bench-onoff bench-servers clean-bench
