# tools: the gcmalloc command.  Takes nothing of the library but its tables.

bin_PROGRAMS += %D%/gcmalloc

%C%_gcmalloc_CPPFLAGS = $(LIB_CPPFLAGS) -DGCM_LIBDIR='"$(libdir)"'
%C%_gcmalloc_SOURCES = %D%/gcmalloc.c %D%/collect.h %D%/collect.c
