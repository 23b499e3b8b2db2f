# scan: finding and following words.  Has no source yet.  Its first one makes
# it a library as core is one:
#
#   noinst_LTLIBRARIES += %D%/libscan.la
#   %C%_libscan_la_CPPFLAGS = $(LIB_CPPFLAGS)
#   %C%_libscan_la_CFLAGS = $(LIB_CFLAGS)
#   %C%_libscan_la_SOURCES = %D%/scan.h ...
#
# and adds %D%/libscan.la to libgcmalloc_la_LIBADD in preload/local.mk and
# tests/scan-on-core.la to tests/local.mk.
