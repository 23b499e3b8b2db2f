# timeout: 90
bin=$(echo /usr/lib/postgresql/*/bin | tr ' ' '\n' | tail -n 1); PATH=$bin:$PATH
top=$(mktemp -d /tmp/gcmtestpgXXXXXX); chown postgres "$top"; chmod 711 $WORKLOADS_DIR $WORKLOADS_DIR/work; cd "$top"; trap 'rm -rf "$top"' EXIT
as="setpriv --reuid=postgres --regid=postgres --clear-groups"; export HOME=$top TMPDIR=$top
case ${GCM_LOG:-} in ?*) export GCM_LOG=/tmp/gcmtestpg.log.%p; rm -f /tmp/gcmtestpg.log.*;; esac
$as initdb -D d -U u --no-sync --no-locale -E UTF8 > init 2>&1; echo $?
$as postgres -D d -k "$top" -c listen_addresses= -c fsync=off -c max_parallel_workers_per_gather=2 -c min_parallel_table_scan_size=0 -c parallel_setup_cost=0 -c jit_above_cost=1000 > log 2>&1 & server=$!
n=0; until $as psql -X -q -h "$top" -U u -c 'select 1' postgres > /dev/null 2>&1; do sleep 0.1; n=$((n + 1)); [ $n -lt 300 ] || { cat log; exit 1; }; done
$as pgbench -i -s 2 -q -h "$top" -U u postgres > /dev/null 2>&1; echo $?
$as pgbench -n -c 8 -j 2 -t 100 -h "$top" -U u postgres 2>&1 | grep -E 'processed|failed'
$as pgbench -n -S -M prepared -c 4 -j 2 -t 1000 -h "$top" -U u postgres 2>&1 | grep -E 'processed|failed'
$as psql -X -q -h "$top" -U u postgres <<'EOT' 2>&1
select sum(abalance) = (select sum(bbalance) from pgbench_branches) from pgbench_accounts;
create table t as select i, md5(i::text) s, array[i, i * 2] a from generate_series(1, 60000) i; create index on t(s); create index on t using gin(a); analyze t;
select count(*), sum(i), max(s), min(s) from t; select count(*) from t x join t y on x.s = y.s where y.i % 3 = 0;
select substr(s, 1, 1) k, count(*) from t group by 1 order by 1; select length(string_agg(s, ',' order by i)) from t;
select jsonb_object_agg(i, s) -> '777' from t where i < 20000;
create function f(n int) returns int language plpgsql as 'begin if n < 2 then return n; end if; return f(n - 1) + f(n - 2); end'; select f(18);
begin; update t set s = upper(s) where i % 2 = 0; rollback; select 1 / 0; vacuum full t; checkpoint;
with recursive r(n) as (select 1 union all select n + 1 from r where n < 100000) select sum(n) from r;
select sum(x.i * y.i % 7) from t x, generate_series(1, 10) y(i);
EOT
kill -INT $server; wait $server; echo $?; grep -E 'PANIC|terminated by signal|out of mem' log
mv /tmp/gcmtestpg.log.* $WORKLOADS_DIR/ 2> /dev/null; for f in $WORKLOADS_DIR/realpg.log.*; do [ -e "$f" ] && mv "$f" "$WORKLOADS_DIR/log.pg${f##*.}"; done; exit 0
