# api: what every call of the malloc family promises: values, errno, alignment,
# limits.  A program starts itself again with the library preloaded.  To add
# api/x.c: one word here.

api_tests =

check_PROGRAMS += $(api_tests)
TESTS += $(api_tests)
