cat > a.sql <<'EOT'
create table t(a integer primary key, b text, c blob); create index i on t(b);
with recursive n(x) as (select 1 union all select x + 1 from n where x < 150000) insert into t select x, 'b' || (x * 7919 % 30011), zeroblob(x % 200) from n;
select count(*), count(distinct b), sum(length(c)) from t;
select b, count(*) k from t group by b order by k desc, b limit 5;
create virtual table f using fts5(x); insert into f select b || ' word' || (a % 1000) from t where a < 60000; select count(*) from f where f match 'word7';
select json_group_array(b) ->> 77 from t; update t set b = b || 'x' where a % 3 = 0; delete from t where a % 7 = 0; vacuum; pragma integrity_check;
create virtual table r using rtree(id, x0, x1); insert into r select a, a % 1000, a % 1000 + 5 from t; select count(*) from r where x0 > 500;
select sum(length(group_concat)) from (select group_concat(b) group_concat from t group by a % 100);
select avg(v) from (select a, row_number() over (partition by b order by a) v from t);
EOT
sqlite3 d.db < a.sql; sqlite3 :memory: < a.sql; sqlite3 d.db .dump | md5sum
