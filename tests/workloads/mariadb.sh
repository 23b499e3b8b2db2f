# needs: mariadbd
# timeout: 90
mariadb-install-db --no-defaults --user=root --datadir=$PWD/d --auth-root-authentication-method=normal --skip-test-db > init 2>&1; echo $?
mariadbd --no-defaults --user=root --datadir=$PWD/d --socket=$PWD/s --skip-networking --pid-file=$PWD/pid --innodb-flush-log-at-trx-commit=0 > log 2>&1 & pid=$!
q() { mariadb --no-defaults -uroot -S $PWD/s "$@"; }
n=0; until q -e 'select 1' > /dev/null 2>&1; do sleep 0.2; n=$((n + 1)); [ $n -lt 150 ] || { tail -n 5 log; exit 1; }; done
q <<'EOT' 2>&1
create database b; use b; create table t(a int primary key, b varchar(100), key(b));
insert into t select seq, concat('b', seq * 7919 % 30011) from seq_1_to_60000; select count(*), count(distinct b) from t;
select b, count(*) k from t group by b order by k desc, b limit 3; update t set b = concat(b, 'x') where a % 3 = 0; delete from t where a % 7 = 0;
select length(group_concat(b)) from t; select count(*) from t x join t y on x.b = y.b; check table t;
delimiter //
create function f(n int) returns int deterministic begin declare s int default 0; while n > 0 do set s = s + n; set n = n - 1; end while; return s; end//
select f(10000)//
EOT
for i in 1 2 3 4 5 6; do (for j in $(seq 1 15); do q b -e "select count(*), md5(group_concat(b order by a)) from t where a % $j = 0; insert into t values($((100000 + i * 100 + j)), 'n')"; done > out.$i 2>&1) & p="$p $!"; done; wait $p; q b -e 'select count(*) from t'
mariadb-dump --no-defaults -uroot -S s --skip-dump-date b | md5sum
kill $pid; wait $pid; echo $?; grep -cE 'ERROR|signal' log
