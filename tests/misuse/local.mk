# misuse: programs that misuse malloc.
#
#   misuse     tiny cases, each preloaded in a process of its own: one signal
#              and one message, to the letter
#   suite.py   116 small programs as hardened allocators are judged by: what
#              suite.caught lists must be caught; also a command that prints a
#              table of allocators side by side (README)

misuse_programs = %D%/misuse %D%/suite

%C%_misuse_SOURCES = %D%/misuse.h %D%/misuse.c %D%/misuse_free.c \
	%D%/misuse_invalid.c %D%/misuse_other.c
%C%_suite_SOURCES = %D%/suite.h %D%/suite.c %D%/suite_main.c

if HAVE_CXX
misuse_programs += %D%/suite_cxx
%C%_suite_cxx_SOURCES = %D%/suite.h %D%/suite_cxx.cc %D%/suite_main.c
endif

check_PROGRAMS += $(misuse_programs)
TESTS += %D%/misuse %D%/suite.py
EXTRA_DIST += %D%/suite.py %D%/suite.caught %D%/README
