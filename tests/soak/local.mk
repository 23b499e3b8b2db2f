# soak: everything at once, for as long as one likes (soak.py): 20 seconds in
# `make check`, an hour in `make check-long`.

check_PROGRAMS += %D%/body
%C%_body_SOURCES = %D%/soak.h %D%/body.c %D%/cell.c %D%/serve.c %D%/lose.c \
	%D%/kernel.c %D%/areas.c %D%/lives.c tests/stress/kit.h \
	tests/stress/kit_run.c tests/stress/kit_block.c
%C%_body_LDADD = -ldl

# Opened and closed by body.
check_LTLIBRARIES += %D%/plugin.la
%C%_plugin_la_SOURCES = %D%/plugin.c
%C%_plugin_la_LDFLAGS = -module -avoid-version -rpath /nowhere

TESTS += %D%/soak.py
EXTRA_DIST += %D%/soak.py
