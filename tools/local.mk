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

# gdb's script: found beside the library in the build tree, and by the path of
# the installed one.
gdbscriptdir = $(datadir)/gdb/auto-load$(libdir)
dist_gdbscript_DATA = %D%/libgcmalloc.so-gdb.py
noinst_DATA = .libs/libgcmalloc.so-gdb.py
.libs/libgcmalloc.so-gdb.py: %D%/libgcmalloc.so-gdb.py
	$(AM_V_GEN)mkdir -p .libs && cp $< $@
CLEANFILES += .libs/libgcmalloc.so-gdb.py
