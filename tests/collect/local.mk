# collect: what the collector must not do to the program, and what it must
# reclaim.  Each program is a table of cases (README), run with each back end.

collect_tests = %D%/races %D%/places %D%/mappings

collect_kit = %D%/kit.h %D%/kit.c tests/stress/kit.h tests/stress/kit.c \
	tests/stress/kit_run.c tests/stress/kit_block.c

%C%_races_SOURCES = %D%/races.c %D%/races_areas.c %D%/races.h $(collect_kit)
%C%_mappings_SOURCES = %D%/mappings.c $(collect_kit)
%C%_places_SOURCES = %D%/places.c %D%/hold.h $(collect_kit)
if X86_64
%C%_places_SOURCES += %D%/hold_x86_64.c
else
EXTRA_DIST += %D%/hold_x86_64.c
endif

if AARCH64
%C%_places_SOURCES += %D%/hold_aarch64.c
else
EXTRA_DIST += %D%/hold_aarch64.c
endif

check_PROGRAMS += $(collect_tests)
TESTS += $(collect_tests)
EXTRA_DIST += %D%/README
