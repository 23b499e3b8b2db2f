cat > a.py <<'EOT'
import asyncio, os, sqlite3, tempfile, concurrent.futures, ssl, zlib
async def handle(r, w):
    while (line := await r.readline()):
        w.write(zlib.compress(line * 20).hex().encode() + b"\n"); await w.drain()
    w.close()
async def client(n):
    r, w = await asyncio.open_unix_connection("s"); t = 0
    for i in range(100):
        w.write(b"%d-%d\n" % (n, i)); await w.drain(); t += len(await r.readline())
    w.close(); return t
def db(n):
    c = sqlite3.connect(":memory:"); c.execute("create table t(a, b)")
    c.executemany("insert into t values(?, ?)", ((i, str(i * n)) for i in range(20000)))
    c.execute("create index i on t(b)")
    return c.execute("select count(*), sum(a), max(b) from t where b > '5'").fetchone()
async def main():
    s = await asyncio.start_unix_server(handle, "s")
    print(await asyncio.gather(*(client(i) for i in range(40))))
    loop = asyncio.get_running_loop()
    with concurrent.futures.ThreadPoolExecutor(6) as e:
        print(await asyncio.gather(*(loop.run_in_executor(e, db, i) for i in range(12))))
    p = [await asyncio.create_subprocess_exec("seq", "1", str(i * 1000), stdout=-1) for i in range(10)]
    print([len((await x.communicate())[0]) for x in p])
asyncio.run(main())
EOT
/usr/bin/python3 a.py
