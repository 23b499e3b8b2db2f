# model: protocols as small machines, every order of their steps explored.  The
# README says what each found.  `make check-long` runs the big cases too.

model_tests = %D%/slot %D%/stop %D%/work

%C%_slot_SOURCES = \
	%D%/slot.h %D%/slot.c %D%/slot_thread.c %D%/slot_collector.c \
	%D%/explore.c %D%/explore.h
%C%_stop_SOURCES = %D%/stop.c %D%/explore.c %D%/explore.h
%C%_work_SOURCES = %D%/work.c %D%/explore.c %D%/explore.h

check_PROGRAMS += $(model_tests)
TESTS += $(model_tests)
EXTRA_DIST += %D%/README
