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
