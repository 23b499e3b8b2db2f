# timeout: 90
# programs: pg_config
. ${0%/*}/common
bin=$(echo /usr/lib/postgresql/*/bin | tr ' ' '\n' | tail -n 1); [ -x "$bin/initdb" ] || exit 0; PATH=$bin:$PATH
top=$(mktemp -d /tmp/gcmtestpgXXXXXX); chown postgres "$top"; cd "$top"; trap 'rm -rf "$top"' EXIT
as="setpriv --reuid=postgres --regid=postgres --clear-groups"; export HOME=$top TMPDIR=$top; [ -z "$GCM_LOG" ] || GCM_LOG=/dev/null
$as initdb -D d -U u --no-sync --no-locale -E UTF8 > init 2>&1; echo $?
$as postgres -D d -k "$top" -c listen_addresses= -c fsync=off -c autovacuum_naptime=1 -c max_connections=40 > log 2>&1 & server=$!
up $as psql -X -q -h "$top" -U u -c 'select 1' postgres
$as pgbench -i -s 2 -q -h "$top" -U u postgres > /dev/null 2>&1; echo $?
$as pgbench -n -C -c 4 -j 2 -t 30 -h "$top" -U u postgres > o1 2>&1 & p=$!
$as pgbench -n -c 10 -j 2 -t 150 -h "$top" -U u postgres > o2 2>&1 & q=$!
for i in 1 2 3 4 5; do kill -HUP $server; sleep 0.5; $as psql -X -q -h "$top" -U u -c "alter system set work_mem = '${i}MB'" -c 'vacuum analyze pgbench_accounts' postgres; done
wait $p $q; grep -h 'actually processed' o1 o2; $as pg_dump -h "$top" -U u -t pgbench_branches -s postgres | grep -c CREATE; $as psql -X -At -h "$top" -U u -c 'select sum(tbalance) = (select sum(bbalance) from pgbench_branches) from pgbench_tellers' postgres
end $server INT; grep -cE 'PANIC|terminated by signal' log
