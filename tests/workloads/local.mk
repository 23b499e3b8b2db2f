# workloads: real programs in five profiles.  For hours; see README.

EXTRA_DIST += %D%/README %D%/run.py %D%/cpython.py %D%/cpython.known \
	%D%/apache.sh \
	%D%/bind.sh \
	%D%/boost-lockfree.sh \
	%D%/build-c.sh \
	%D%/build-go.sh \
	%D%/debuggers.sh \
	%D%/editors.sh \
	%D%/git.sh \
	%D%/java.sh \
	%D%/js-engines.sh \
	%D%/lisps.sh \
	%D%/lua.sh \
	%D%/mariadb.sh \
	%D%/media.sh \
	%D%/memcached.sh \
	%D%/net.sh \
	%D%/nginx.sh \
	%D%/node-mix.sh \
	%D%/perl-mix.sh \
	%D%/php-mix.sh \
	%D%/postgres.sh \
	%D%/py-asyncio.sh \
	%D%/py-fork.sh \
	%D%/py-numpy.sh \
	%D%/py-objects.sh \
	%D%/py-suite.sh \
	%D%/qemu-img.sh \
	%D%/r-octave.sh \
	%D%/redis.sh \
	%D%/ruby-mix.sh \
	%D%/shells.sh \
	%D%/sqlite.sh \
	%D%/swipl-erl.sh \
	%D%/tcl-guile-ml.sh \
	%D%/text.sh

.PHONY: workloads check-cpython
workloads: all
	GCMTEST_LIB=$(abs_top_builddir)/.libs/libgcmalloc.so \
		python3 $(srcdir)/%D%/run.py $(WORKLOADS)

check-cpython: all
	GCMTEST_LIB=$(abs_top_builddir)/.libs/libgcmalloc.so \
		python3 $(srcdir)/%D%/cpython.py $(CPYTHON)
