# docs: the generated parts are options.md, figures.md, sections of the man pages
# and the shells' completion, from core/option.def, core/figure.def and the table
# of the command's verbs.
# `make docs` writes them into the source tree; tests/lint/options checks that
# they are what would be written.

dist_man_MANS += %D%/libgcmalloc.7 %D%/gcmalloc.1
dist_doc_DATA += %D%/options.md %D%/figures.md %D%/channel.md
bashcompletiondir = $(datadir)/bash-completion/completions
dist_bashcompletion_DATA = %D%/completion/gcmalloc
zshcompletiondir = $(datadir)/zsh/site-functions
dist_zshcompletion_DATA = %D%/completion/_gcmalloc
dist_doc_DATA += %D%/probes.md %D%/systemd.md %D%/systemd/gcmalloc.conf
EXTRA_DIST += %D%/HACKING.md %D%/critical-path.md %D%/benchmarks.md \
	%D%/introducing.md %D%/traps.md %D%/traces.md %D%/trace-view.md %D%/compatibility.md \
	%D%/design/heap.md %D%/design/collector.md \
	%D%/design/fork.md %D%/design/preload.md

docs: tools/gcmalloc$(EXEEXT)
	$(SHELL) $(top_srcdir)/%D%/generate tools/gcmalloc$(EXEEXT) \
		$(top_srcdir)/%D% $(top_srcdir)/%D%
EXTRA_DIST += %D%/generate

.PHONY: docs
