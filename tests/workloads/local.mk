# workloads: real programs in five profiles.  For hours; see README.

EXTRA_DIST += %D%/README %D%/run.py %D%/table.py %D%/common %D%/limits.md \
	%D%/cpython.py %D%/cpython.known \
	%D%/apache.sh \
	%D%/archives.sh \
	%D%/backups.sh \
	%D%/bind.sh \
	%D%/binutils.sh \
	%D%/boost-lockfree.sh \
	%D%/build-c.sh \
	%D%/build-go.sh \
	%D%/compilers.sh \
	%D%/cplusplus.sh \
	%D%/debuggers.sh \
	%D%/desktop.sh \
	%D%/dns.sh \
	%D%/documents.sh \
	%D%/dovecot.sh \
	%D%/editors.sh \
	%D%/firebird.sh \
	%D%/ftp.sh \
	%D%/gc-langs.sh \
	%D%/git.sh \
	%D%/go-servers.sh \
	%D%/haproxy.sh \
	%D%/hdl.sh \
	%D%/hg-svn.sh \
	%D%/java-more.sh \
	%D%/java.sh \
	%D%/js-engines.sh \
	%D%/lighttpd.sh \
	%D%/lisps.sh \
	%D%/lua.sh \
	%D%/mariadb.sh \
	%D%/media-more.sh \
	%D%/media.sh \
	%D%/memcached.sh \
	%D%/mosquitto.sh \
	%D%/net.sh \
	%D%/nginx.sh \
	%D%/node-mix.sh \
	%D%/node-more.sh \
	%D%/openssh.sh \
	%D%/perl-mix.sh \
	%D%/perl-ruby-php.sh \
	%D%/pgbench-reload.sh \
	%D%/php-mix.sh \
	%D%/postfix.sh \
	%D%/postgres.sh \
	%D%/proxies.sh \
	%D%/py-asyncio.sh \
	%D%/py-fork.sh \
	%D%/py-numpy.sh \
	%D%/py-objects.sh \
	%D%/py-science.sh \
	%D%/py-suite.sh \
	%D%/qemu-img.sh \
	%D%/queues.sh \
	%D%/r-octave.sh \
	%D%/redis.sh \
	%D%/rsyncd.sh \
	%D%/ruby-mix.sh \
	%D%/samba.sh \
	%D%/scanners.sh \
	%D%/shells.sh \
	%D%/slapd.sh \
	%D%/sqlite.sh \
	%D%/squid.sh \
	%D%/swipl-erl.sh \
	%D%/symbolic.sh \
	%D%/tcl-guile-ml.sh \
	%D%/terminals.sh \
	%D%/text.sh \
	%D%/varnish.sh

.PHONY: workloads compatibility check-cpython
workloads: all
	GCMTEST_LIB=$(abs_top_builddir)/.libs/libgcmalloc.so \
		python3 $(srcdir)/%D%/run.py $(WORKLOADS)

check-cpython: all
	GCMTEST_LIB=$(abs_top_builddir)/.libs/libgcmalloc.so \
		python3 $(srcdir)/%D%/cpython.py $(CPYTHON)

# What ran before with the same build does not run again.
compatibility: all
	-GCMTEST_LIB=$(abs_top_builddir)/.libs/libgcmalloc.so \
		WORKLOADS_DIR=$(abs_top_builddir)/tests/workloads-results \
		python3 $(srcdir)/%D%/run.py $(WORKLOADS)
	python3 $(srcdir)/%D%/table.py \
		$(abs_top_builddir)/tests/workloads-results/results.jsonl \
		.libs/libgcmalloc.so > $(srcdir)/docs/compatibility.tmp
	mv $(srcdir)/docs/compatibility.tmp $(srcdir)/docs/compatibility.md
