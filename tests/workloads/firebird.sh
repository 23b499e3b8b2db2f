# needs: isql-fb
. ${0%/*}/common
export FIREBIRD_LOCK=$PWD/lock FIREBIRD_TMP=$PWD FIREBIRD=/usr/lib/x86_64-linux-gnu/firebird/3.0; mkdir lock
echo "create database '$PWD/a.fdb' user 'SYSDBA';" | isql-fb -q; echo $?
cat > s.sql <<'EOC'
create table t(i int not null primary key, s varchar(40), d double precision); commit;
set term ^;
execute block as declare i int = 0; begin while (i < 20000) do begin insert into t values (:i, 'k' || mod(:i * 7919, 5003), :i / 3.0); i = i + 1; end end^
create procedure f(n int) returns (r int) as declare a int; declare b int; begin if (n < 2) then r = n; else begin execute procedure f(n - 1) returning_values a; execute procedure f(n - 2) returning_values b; r = a + b; end suspend; end^
set term ;^
commit; create index ts on t(s); commit;
select count(*), sum(i), max(s), count(distinct s) from t; select first 3 s, count(*) from t group by s order by 2 desc, 1;
select count(*) from t a join t b on a.s = b.s where b.i < 2000; execute procedure f(16);
select sum(char_length(s)) from (select list(s) s from t where i < 5000); update t set s = upper(s) where mod(i, 2) = 0; rollback; delete from t where mod(i, 3) = 0; commit; select count(*) from t; select 1 / 0 from rdb$database;
EOC
isql-fb -q -u SYSDBA a.fdb -i s.sql 2>&1; for i in 1 2 3 4; do echo 'select count(*), sum(d) from t t1 where s in (select s from t where i < 300);' | isql-fb -q -u SYSDBA a.fdb & p="${p:-} $!"; done > o 2>&1; wait $p; grep -c 1 o
