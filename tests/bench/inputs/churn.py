"""Allocation-heavy Python: trees, dicts of strings, sorting, JSON, regular
expressions. Prints a checksum."""
import json
import re
import zlib


def tree(depth):
    return (tree(depth - 1), tree(depth - 1)) if depth else None


def count(node):
    return 1 if node is None else count(node[0]) + count(node[1])


class Record:
    def __init__(self, number):
        self.number = number
        self.name = "record %d" % number
        self.tags = [self.name[:i] for i in range(1, 6)]


def records(total):
    table = {}
    for number in range(total):
        record = Record(number * 7919 % total)
        table[record.name] = record
        if number % 3 == 0:
            table.pop("record %d" % (number // 2), None)
    return table


def main():
    check = sum(count(tree(14)) for _ in range(4))
    table = records(40000)
    rows = sorted(table.values(), key=lambda r: (r.number % 97, r.name))
    text = json.dumps([[r.number, r.name, r.tags] for r in rows])
    again = json.loads(text)
    words = re.findall(r"[a-z]+ (\d+)", text)
    joined = "".join(sorted(words)).encode()
    buffers = [bytearray(b"x" * (n % 5000)) for n in range(8000)]
    check += sum(len(b) for b in buffers) + len(again)
    print(check, zlib.crc32(joined), zlib.crc32(text.encode()))


main()
