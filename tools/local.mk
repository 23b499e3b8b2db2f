# tools: the gcmalloc command.  Takes nothing of the library but its tables, and
# the parser of an option's value.

bin_PROGRAMS += %D%/gcmalloc

%C%_gcmalloc_CPPFLAGS = $(LIB_CPPFLAGS) -DGCM_LIBDIR='"$(libdir)"'
%C%_gcmalloc_SOURCES = \
	%D%/gcmalloc.c \
	%D%/verb.h \
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
