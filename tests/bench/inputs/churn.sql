-- In-memory workload: inserts, an index, joins, grouping, text functions.
CREATE TABLE entry (id INTEGER PRIMARY KEY, key INTEGER, name TEXT, body TEXT);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 120000)
INSERT INTO entry
SELECT i, i * 7919 % 30011, 'entry ' || i, substr(hex(i * 104729), 1, 8) || printf('%.*c', i % 90, 'x')
FROM n;
CREATE INDEX entry_key ON entry (key);
CREATE INDEX entry_name ON entry (name, key);
SELECT count(*), sum(length(a.body || b.name)) FROM entry a JOIN entry b ON a.key = b.key AND a.id < b.id;
SELECT count(*), sum(t) FROM (SELECT key, sum(length(group_body)) AS t
FROM (SELECT key, group_concat(body, '/') AS group_body FROM entry GROUP BY key) GROUP BY key % 100);
UPDATE entry SET body = upper(body) || name WHERE id % 3 = 0;
DELETE FROM entry WHERE key % 5 = 1;
SELECT count(*), sum(length(body)) FROM entry;
SELECT sum(length(name)) FROM (SELECT DISTINCT replace(name, '1', 'one') AS name FROM entry ORDER BY name DESC);
