# fault: a scenario again and again while its N-th system call fails, N = 0,
# 1, 2... until none did; the verifier after each.

fault_tests = %D%/fault

%C%_fault_SOURCES = %D%/fault.c %D%/scenario.h %D%/scenario.c
%C%_fault_LDADD = tests/unit/librig.la

check_PROGRAMS += $(fault_tests)
TESTS += $(fault_tests)
