# lint: rules of this source tree that a script can check in seconds.  `make
# lint` adds the tools that take longer.

lint_tests = \
	%D%/includes \
	%D%/tags \
	%D%/length \
	%D%/headers \
	%D%/names \
	%D%/symbols \
	%D%/options \
	%D%/format \
	%D%/aarch64

EXTRA_DIST += $(lint_tests) %D%/imports.allow
TESTS += $(lint_tests)

lint_folders = core preload scan tools
lint_sources = cd $(top_srcdir) && \
	sources=$$(ls -d $(lint_folders:%=%/*.c) 2>/dev/null | \
		grep -v '_$(other_machine)\.c$$') &&
formatted = $(lint_folders:%=$(top_srcdir)/%/*.[ch]) \
	$(top_srcdir)/include/*.h $(top_srcdir)/tests/*/*.[ch]

if X86_64
other_machine = aarch64
else
other_machine = x86_64
endif

lint: lint-own lint-cppcheck lint-tidy

lint-own: all
	$(AM_V_at)$(MAKE) $(AM_MAKEFLAGS) check TESTS='$(lint_tests)'

lint-cppcheck: config.h
	$(AM_V_at)$(lint_sources) cppcheck --quiet --inline-suppr --std=c11 \
		--enable=warning,performance,portability --error-exitcode=1 \
		--suppress=missingInclude -I . -D_GNU_SOURCE \
		-D__$(host_cpu)__ -DGCM_CHECKS=1 -DGCM_LIBDIR='"/lib"' $$sources

lint-tidy: config.h
	$(AM_V_at)$(lint_sources) $(CLANG_TIDY) --quiet $$sources \
		-- -std=gnu11 -D_GNU_SOURCE -DGCM_LIBDIR='"/lib"' -I . \
		-include '$(abs_top_builddir)/config.h'

format-check:
	$(AM_V_at)$(CLANG_FORMAT) --dry-run --Werror \
		$$(ls -d $(formatted) 2>/dev/null)

format:
	$(AM_V_at)$(CLANG_FORMAT) -i $$(ls -d $(formatted) 2>/dev/null)

.PHONY: lint lint-own lint-cppcheck lint-tidy format-check format
