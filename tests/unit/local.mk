# unit: one Check program a module of core, on the fake os.h.  Linked with
# core's convenience library, whose names differ from malloc's: the host's own
# malloc is beside it.  To add one, name it in unit_tests; it needs a line for
# its libraries and, if it has more than the one source, one for those.

unit_tests =

unit_ldadd = core/libcore.la $(CHECK_LIBS)

# Example, for unit/sizeclass.c:
#   unit_tests += %D%/sizeclass
#   %C%_sizeclass_LDADD = $(unit_ldadd)
#   %C%_sizeclass_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
#   %C%_sizeclass_SOURCES = %D%/sizeclass.c %D%/os_fake.c

if HAVE_CHECK
check_PROGRAMS += $(unit_tests)
TESTS += $(unit_tests)
endif
