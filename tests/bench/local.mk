# bench: programs to be timed; none of them is built by `make check`.
# Defines the targets bench and bench-insn.

bench_programs =

EXTRA_PROGRAMS += $(bench_programs)

bench: all $(bench_programs)

bench-insn: all $(bench_programs)

.PHONY: bench bench-insn
