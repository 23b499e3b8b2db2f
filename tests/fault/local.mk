# fault: a scenario again and again while its N-th system call fails, N = 0,
# 1, 2... until none did; the verifier after each.

fault_tests =

check_PROGRAMS += $(fault_tests)
TESTS += $(fault_tests)
