# programs: real programs with the library preloaded; what they print equals
# what they print without.  A script ends with 77 where its program is not
# installed.  To add programs/x.sh: one word here.

program_tests =

EXTRA_DIST += $(program_tests)
TESTS += $(program_tests)
