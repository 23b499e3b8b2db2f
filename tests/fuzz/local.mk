# fuzz: random sequences of operations on core against a shadow map, and those
# in the corpus.  The same program runs for long in `make check-long`.
# entry.c is for clang's libFuzzer; its first comment says how.

fuzz_tests = %D%/ops %D%/channel

%C%_ops_SOURCES = %D%/fuzz.h %D%/ops.c %D%/step.c
%C%_ops_LDADD = tests/unit/librig.la

%C%_channel_SOURCES = %D%/channel.c
%C%_channel_LDADD = tests/unit/librig.la

check_PROGRAMS += $(fuzz_tests)
TESTS += $(fuzz_tests)
EXTRA_DIST += %D%/entry.c %D%/corpus
