# docs: the generated parts are options.md and the OPTIONS section of the man
# page, both from core/option.def.  `make docs` writes them into the source
# tree; tests/lint/options checks that they are what would be written.

dist_man_MANS += %D%/libgcmalloc.7 %D%/gcmalloc.1
dist_doc_DATA += %D%/options.md
EXTRA_DIST += %D%/HACKING.md %D%/critical-path.md %D%/benchmarks.md \
	%D%/introducing.md %D%/trace-view.md %D%/traps.md %D%/compatibility.md \
	%D%/design/heap.md %D%/design/collector.md \
	%D%/design/fork.md %D%/design/preload.md

docs: tools/gcmalloc$(EXEEXT)
	$(SHELL) $(top_srcdir)/%D%/generate tools/gcmalloc$(EXEEXT) \
		$(top_srcdir)/%D% $(top_srcdir)/%D%
EXTRA_DIST += %D%/generate

.PHONY: docs
