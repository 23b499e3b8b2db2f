# tools: the gcmalloc command.  Takes nothing of the library but its tables, and
# the parser of an option's value.

bin_PROGRAMS += %D%/gcmalloc

%C%_gcmalloc_CPPFLAGS = $(LIB_CPPFLAGS) -DGCM_LIBDIR='"$(libdir)"'
%C%_gcmalloc_CFLAGS = $(AM_CFLAGS) $(CURSES_CFLAGS)
%C%_gcmalloc_LDADD = $(CURSES_LIBS)
%C%_gcmalloc_SOURCES = \
	%D%/gcmalloc.c \
	%D%/verb.h \
	%D%/manual.h \
	%D%/manual.c \
	%D%/top.h \
	%D%/top.c \
	%D%/top_screen.c \
	%D%/sample.h \
	%D%/sample.c \
	%D%/help.h \
	%D%/help.c \
	%D%/complete.h \
	%D%/complete.c \
	%D%/options.h \
	%D%/options.c \
	%D%/setting.h \
	%D%/setting.c \
	core/option_value.c \
	%D%/launch.h \
	%D%/launch.c \
	%D%/ask.h \
	%D%/ask.c \
	%D%/client.h \
	%D%/client.c \
	%D%/figures.h \
	%D%/figures.c \
	%D%/collect.h \
	%D%/collect.c \
	%D%/elf.h \
	%D%/elf.c \
	%D%/finding.h \
	%D%/finding.c \
	%D%/program.h \
	%D%/program.c \
	%D%/system.h \
	%D%/system.c \
	%D%/answer.h \
	%D%/answer.c \
	%D%/doctor.h \
	%D%/doctor.c \
	%D%/doctor_run.c

# gdb's script, with the rows of the library's tables in it: found beside the
# library in the build tree, and by the path of the installed one.
gdbscriptdir = $(datadir)/gdb/auto-load$(libdir)
gdbscript_DATA = %D%/libgcmalloc.so-gdb.py
noinst_DATA = .libs/libgcmalloc.so-gdb.py
EXTRA_DIST += %D%/libgcmalloc.so-gdb.py.in
CLEANFILES += %D%/libgcmalloc.so-gdb.py .libs/libgcmalloc.so-gdb.py

about_tables = $(top_srcdir)/core/about.def $(top_srcdir)/core/figure.def
about_format = $(top_srcdir)/core/about_format.h
%D%/libgcmalloc.so-gdb.py: %D%/libgcmalloc.so-gdb.py.in $(about_tables) \
		$(about_format)
	$(AM_V_GEN)rows=`sed -n 's/^TEXT(\([a-z_]*\),.*/\1:T/p; \
		s/^COUNT(\([a-z_]*\),.*/\1/p; \
		s/^KEPT(\([a-z_]*\),.*/kept.\1/p' $(about_tables) | tr '\n' ' '` && \
	head=`sed -n 's/^#define GCM_ABOUT_HEAD "\([^"]*\)".*/\1/p' \
		$(about_format)` && \
	$(MKDIR_P) %D% && sed "s/@ABOUT_ROWS@/$$rows/; s/@ABOUT_HEAD@/$$head/" \
		$(srcdir)/%D%/libgcmalloc.so-gdb.py.in > $@

# The library's own rule removes what is beside it.
.libs/libgcmalloc.so-gdb.py: %D%/libgcmalloc.so-gdb.py libgcmalloc.la
	$(AM_V_GEN)$(MKDIR_P) .libs && cp %D%/libgcmalloc.so-gdb.py $@
