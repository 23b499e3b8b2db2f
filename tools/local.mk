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
	%D%/doctor_run.c \
	%D%/trace.h \
	%D%/trace.c \
	%D%/trace_source.h \
	%D%/trace_source.c \
	%D%/trace_open.c \
	%D%/trace_table.c \
	%D%/trace_batch.c \
	%D%/trace_line.c \
	%D%/trace_lane.h \
	%D%/trace_lane.c \
	%D%/trace_model.h \
	%D%/trace_model.c \
	%D%/trace_figure.c \
	%D%/trace_show.h \
	%D%/trace_show.c \
	%D%/trace_list.c \
	%D%/trace_summary.c \
	%D%/trace_json.c \
	%D%/trace_html.c

# gdb's script, with the rows of the library's tables in it.  gdb loads it by the
# path of the installed library; beside one elsewhere it would complain.
gdbscriptdir = $(datadir)/gdb/auto-load$(libdir)
gdbscript_DATA = %D%/libgcmalloc.so-gdb.py
EXTRA_DIST += %D%/libgcmalloc.so-gdb.py.in
CLEANFILES += %D%/libgcmalloc.so-gdb.py

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

# The page of gcmalloc trace --html, as lines of C strings.
trace_page = \
	$(srcdir)/%D%/trace_page.html \
	$(srcdir)/%D%/trace_page.css \
	$(srcdir)/%D%/trace_page.js \
	$(srcdir)/%D%/trace_timeline.js \
	$(srcdir)/%D%/trace_cards.js
EXTRA_DIST += \
	%D%/trace_page.html \
	%D%/trace_page.css \
	%D%/trace_page.js \
	%D%/trace_timeline.js \
	%D%/trace_cards.js \
	%D%/trace_page.awk

%D%/trace_page.inc: $(trace_page) $(srcdir)/%D%/trace_page.awk
	$(AM_V_GEN)$(MKDIR_P) %D% && \
	$(AWK) -v folder='$(srcdir)/%D%' -f $(srcdir)/%D%/trace_page.awk \
		$(srcdir)/%D%/trace_page.html > $@.new && mv $@.new $@
CLEANFILES += %D%/trace_page.inc
%D%/gcmalloc-trace_html.$(OBJEXT): %D%/trace_page.inc
