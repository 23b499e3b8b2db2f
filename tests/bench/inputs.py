"""What the real programs of the benchmark work on, generated once.

Every function takes the path to make and makes it; nothing depends on the
clock, the locale or a random seed, so that all allocators and all machines
see the same bytes."""

import os
import random
import subprocess


def c_unit(path):
    """A C file of 100 functions for the compiler's optimiser to work on."""
    rng = random.Random(1)
    with open(path, "w") as out:
        out.write("struct s { long a, b; struct s *next; char name[16]; };\n")
        for n in range(100):
            out.write("static long f%d(struct s *s, long x)\n{\n" % n)
            out.write("\tlong t[8] = {0};\n")
            out.write("\tfor (; s; s = s->next) {\n")
            for _ in range(rng.randrange(4, 12)):
                a, b, c = (rng.randrange(8) for _ in range(3))
                out.write("\t\tif (s->a > %d) t[%d] += t[%d] * s->b + x;\n"
                          "\t\telse t[%d] ^= (t[%d] >> %d) - s->name[%d];\n"
                          % (rng.randrange(999), a, b, b, c, a, c))
            out.write("\t}\n")
            if n:
                out.write("\tx += f%d(0, x);\n" % rng.randrange(n))
            out.write("\treturn x + t[0] + t[7];\n}\n")
        calls = " + ".join("f%d(s, %d)" % (n, n) for n in range(100))
        out.write("long all(struct s *s)\n{\n\treturn %s;\n}\n" % calls)


def cxx_unit(path):
    """C++ that instantiates much of the standard library."""
    with open(path, "w") as out:
        for name in ("algorithm functional iostream map memory regex set "
                     "string unordered_map vector").split():
            out.write("#include <%s>\n" % name)
        for n in range(24):
            out.write("struct k%d { int v; bool operator<(const k%d &o) const"
                      " { return v < o.v; } };\n" % (n, n))
            out.write("long g%d(std::map<k%d, std::vector<std::string>> &m)\n"
                      "{\n\tstd::set<k%d> s;\n\tlong t = 0;\n"
                      "\tfor (auto &p : m) { s.insert(p.first);"
                      " std::sort(p.second.begin(), p.second.end());"
                      " t += p.second.size(); }\n"
                      "\treturn t + s.size();\n}\n" % (n, n, n))


def json_text(path):
    """About 4 MB of JSON for jq."""
    rng = random.Random(2)
    with open(path, "w") as out:
        out.write("[\n")
        for n in range(30000):
            out.write('{"id": %d, "name": "item %d", "tags": ["%x", "%x"],'
                      ' "at": {"x": %d, "y": %.3f}}%s\n'
                      % (n, n, rng.getrandbits(40), rng.getrandbits(60),
                         rng.randrange(1000), rng.random(),
                         "," if n < 29999 else ""))
        out.write("]\n")


def xml_text(path):
    """About 8 MB of XML for xmllint."""
    rng = random.Random(3)
    with open(path, "w") as out:
        out.write("<?xml version='1.0'?>\n<list>\n")
        for n in range(60000):
            out.write("<item id='%d' kind='k%d'><name>item %x</name>"
                      "<value unit='u%d'>%d</value><note>text &amp; more %d"
                      "</note></item>\n"
                      % (n, n % 17, rng.getrandbits(40), n % 5,
                         rng.randrange(10 ** 6), n))
        out.write("</list>\n")


def _commits(write):
    """A fast-import stream: 1200 commits over 200 files."""
    rng = random.Random(4)
    files = [["line %d of file %d" % (n, f) for n in range(60)]
             for f in range(200)]
    for number in range(1200):
        message = "change %d\n" % number
        write("commit refs/heads/main\ncommitter B <b@example.org> %d +0000\n"
              "data %d\n%s" % (1600000000 + 60 * number, len(message),
                               message))
        for f in rng.sample(range(200), 6 if number else 200):
            lines = files[f]
            lines[rng.randrange(len(lines))] = "%x" % rng.getrandbits(80)
            lines.insert(rng.randrange(len(lines)), "new in %d" % number)
            text = "\n".join(lines) + "\n"
            write("M 100644 inline dir%d/file%d\ndata %d\n%s\n"
                  % (f % 11, f, len(text), text))


def git_repository(path):
    """A bare repository with some history."""
    run = dict(check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["git", "init", "-q", "--bare", path], **run)
    with subprocess.Popen(["git", "-C", path, "fast-import", "--quiet"],
                          stdin=subprocess.PIPE) as importer:
        with os.fdopen(os.dup(importer.stdin.fileno()), "w") as stream:
            _commits(stream.write)
        importer.stdin.close()
    if importer.returncode != 0:
        raise RuntimeError("git fast-import failed")


def make(work, name, maker):
    """The path of the input `name` in the folder `work`, made if need be."""
    path = os.path.join(work, name)
    if not os.path.exists(path):
        maker(path + ".new")
        os.rename(path + ".new", path)
    return path
