#!/bin/bash
# demo.sh -- on a Debian 12 machine: install what is missing, build, and run
# two real programs on this heap.
set -euo pipefail
cd "$(dirname "$0")"

packages=(build-essential autoconf automake libtool pkg-config python3 sqlite3)
missing=()
for package in "${packages[@]}"; do
	dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null |
		grep -qx installed || missing+=("$package")
done
if ((${#missing[@]})); then
	as_root=()
	((EUID == 0)) || as_root=(sudo)
	"${as_root[@]}" apt-get update
	"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
		apt-get install -y --no-install-recommends "${missing[@]}"
fi

mkdir -p build
[ -x configure ] || ./autogen.sh
(cd build && { [ -e config.status ] || ../configure --quiet; })
make -C build --quiet -j"$(nproc)"

show() {
	printf '\n$ %s\n' "$*"
}

show "gcmalloc run python3: a million strings, sorted"
PYTHONMALLOC=malloc GCM_DEBUG=stats=1 build/tools/gcmalloc run python3 -c '
words = sorted(str(n * n % 1000003) for n in range(1000000))
print(len(words), "strings, the last one is", words[-1])'

show "gcmalloc run sqlite3: a table of 200000 rows, indexed and grouped"
GCM_DEBUG=stats=1 build/tools/gcmalloc run sqlite3 :memory: '
create table t(a integer, b text);
with recursive n(i) as (select 1 union all select i + 1 from n where i < 200000)
insert into t select i, hex(i * 7919 % 10007) from n;
create index i on t(b);
select count(distinct b), max(a) from t;'

show "a program that frees a block twice (message and signal are expected)"
cat > build/demo-twice.c <<'C'
#include <stdlib.h>
int main(void)
{
	void *volatile block = malloc(100);

	free(block);
	free(block);
	return 0;
}
C
gcc -O0 -w -o build/demo-twice build/demo-twice.c
(build/tools/gcmalloc run build/demo-twice) || echo "exit status $?"

show "a program that leaks 2 GB, and what it takes of memory (kB, at most)"
cat > build/demo-leak.c <<'C'
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
int main(void)
{
	struct rusage usage;

	for (long i = 0; i < 20000000; i++)
		*(volatile char *)malloc(100) = 1;
	getrusage(RUSAGE_SELF, &usage);
	printf("%ld kB\n", usage.ru_maxrss);
	return 0;
}
C
gcc -O1 -w -o build/demo-leak build/demo-leak.c
GCM_DEBUG=gctrace=1 build/tools/gcmalloc run build/demo-leak 2>&1 | tail -4
