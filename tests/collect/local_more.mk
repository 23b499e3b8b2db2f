# More of tests/collect: programs that start themselves again with options and
# judge what came of it (child.h).

more_collect_tests = %D%/leaks %D%/precision %D%/modes %D%/stops \
	%D%/forks %D%/audit %D%/large

child_kit = %D%/child.h %D%/child.c tests/stress/kit.h tests/stress/kit.c \
	tests/stress/kit_run.c tests/stress/kit_block.c

%C%_leaks_SOURCES = %D%/leaks.c $(child_kit)
%C%_precision_SOURCES = %D%/precision.c $(child_kit)
%C%_modes_SOURCES = %D%/modes.c $(child_kit)
%C%_forks_SOURCES = %D%/forks.c $(child_kit)
%C%_audit_SOURCES = %D%/audit.c $(child_kit)
%C%_large_SOURCES = %D%/large.c $(child_kit)
%C%_modes_LDADD = core/libcore.la
%C%_stops_SOURCES = %D%/stops.c $(child_kit)
%C%_stops_LDADD = core/libcore.la

# The execution trace: what event.py reads of event_body.
%C%_event_body_SOURCES = %D%/event_body.c
EXTRA_DIST += %D%/event.py %D%/event_read.py

check_PROGRAMS += $(more_collect_tests) %D%/event_body
TESTS += $(more_collect_tests) %D%/event.py
