# fuzz: random sequences of operations on core against a shadow map.

fuzz_tests =
long_fuzz_tests =

check_PROGRAMS += $(fuzz_tests) $(long_fuzz_tests)
TESTS += $(fuzz_tests)
LONG_TESTS += $(long_fuzz_tests)
