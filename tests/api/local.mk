# api: what every call of the malloc family promises: values, errno, alignment,
# limits, contents, figures.  Tables of cases as in tests/stress, whose kit
# runs them: each in a process of its own, with the library preloaded.
#
#   GCMTEST_LIB=/path/to/libgcmalloc.so tests/api/plain [CASE]    (empty: glibc)

api_tests = \
	%D%/plain \
	%D%/aligned \
	%D%/content \
	%D%/info \
	%D%/jemalloc \
	%D%/mallctl \
	%D%/names \
	%D%/collect \
	%D%/collect_fixed

api_kit = %D%/api.h %D%/api.c tests/stress/kit.h tests/stress/kit.c \
	tests/stress/kit_run.c tests/stress/kit_block.c
api_jemalloc = %D%/jemalloc.h %D%/jemalloc_find.c

%C%_plain_SOURCES = %D%/plain.c $(api_kit)
%C%_aligned_SOURCES = %D%/aligned.c $(api_kit)
%C%_content_SOURCES = %D%/content.c $(api_kit)
%C%_info_SOURCES = %D%/info.c %D%/xml.h %D%/xml.c $(api_kit)
%C%_jemalloc_SOURCES = %D%/jemalloc.c $(api_jemalloc) $(api_kit)
%C%_mallctl_SOURCES = %D%/mallctl.c $(api_jemalloc) $(api_kit)
%C%_names_SOURCES = %D%/names.c $(api_kit)

%C%_collect_SOURCES = %D%/collect.c $(api_kit)
%C%_collect_fixed_SOURCES = %D%/collect.c $(api_kit)
%C%_collect_fixed_CFLAGS = $(AM_CFLAGS) -fno-pie
%C%_collect_fixed_LDFLAGS = -no-pie

if HAVE_CXX
api_tests += %D%/operators %D%/replaced %D%/collect_cxx
%C%_operators_SOURCES = %D%/operators.cc $(api_kit)
%C%_replaced_SOURCES = %D%/replaced.cc $(api_kit)
%C%_collect_cxx_SOURCES = %D%/collect_cxx.cc $(api_kit)
endif

check_PROGRAMS += $(api_tests)
TESTS += $(api_tests)
