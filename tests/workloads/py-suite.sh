# timeout: 90
export PYTHONMALLOC=malloc
for t in test_dict test_list test_set test_json test_pickle test_deque test_weakref test_generators test_ordered_dict test_struct test_array test_bytes test_memoryview test_xml_etree_c test_ctypes test_queue test_thread test_threading_local test_contextlib test_sqlite3 test_zlib test_hashlib test_ast test_itertools test_functools test_mmap test_bz2 test_csv test_re; do
	echo "== $t"
	timeout 60 /usr/bin/python3 -m unittest test.$t 2>&1 | grep -avE '^task|^Ran .* in |^$' | sed 's/0x[0-9a-f]*/ADDR/g' | tail -n 40
done
