# programs: real programs with the library preloaded; what they print equals
# what they print without.  Each script is a list of workloads (compare says
# how); those whose program is not installed are skipped one by one.

program_tests = \
	%D%/shell.sh \
	%D%/archive.sh \
	%D%/python.sh \
	%D%/languages.sh \
	%D%/build.sh \
	%D%/data.sh \
	%D%/servers.sh \
	%D%/tools.sh \
	%D%/limits.sh \
	%D%/gctrace.sh

EXTRA_DIST += %D%/compare $(program_tests)
TESTS += $(program_tests)
