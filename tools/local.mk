# tools: the gcmalloc command.  Takes nothing of the library but its tables.

bin_PROGRAMS += %D%/gcmalloc

%C%_gcmalloc_CPPFLAGS = $(LIB_CPPFLAGS) -DGCM_LIBDIR='"$(libdir)"'
%C%_gcmalloc_SOURCES = \
	%D%/gcmalloc.c \
	%D%/verb.h \
	%D%/options.h \
	%D%/options.c \
	%D%/launch.h \
	%D%/launch.c \
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
