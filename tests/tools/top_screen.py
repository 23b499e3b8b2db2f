#!/usr/bin/env python3
"""top_screen.py -- gcmalloc top on a pseudo-terminal: what is on the screen,
keys, other sizes, processes that vanish, and the terminal as it was at the end.

With words behind it: their screen after a while, to be looked at.
"""
import codecs
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time

GCMALLOC = os.environ['GCMTEST_BUILDDIR'] + '/tools/gcmalloc'
UP, DOWN = b'\x1bOA', b'\x1bOB'


class Screen:
    """As much of a vt100 as curses uses."""

    def __init__(self, rows, columns):
        self.resize(rows, columns)
        self.rest = ''
        self.decoder = codecs.getincrementaldecoder('utf-8')('replace')

    def resize(self, rows, columns):
        self.rows, self.columns = rows, columns
        self.y = self.x = 0
        self.top, self.bottom = 0, rows - 1  # what scrolls
        self.cells = [[' '] * columns for _ in range(rows)]

    def text(self):
        return '\n'.join(''.join(row).rstrip() for row in self.cells)

    def put(self, letter):
        if self.x >= self.columns:
            self.x, self.y = 0, self.y + 1
        if self.y < self.rows:
            self.cells[self.y][self.x] = letter
        self.x += 1

    def scroll(self, leaves, enters):
        del self.cells[leaves]
        self.cells.insert(enters, [' '] * self.columns)

    def line_feed(self):
        if self.y == self.bottom:
            self.scroll(self.top, self.bottom)
        else:
            self.y = min(self.y + 1, self.rows - 1)

    def line_back(self):
        if self.y == self.top:
            self.scroll(self.bottom, self.top)
        else:
            self.y = max(self.y - 1, 0)

    def clear(self, kind):
        if kind == 0:
            for row in self.cells[self.y + 1:]:
                row[:] = [' '] * self.columns
            self.cells[self.y][self.x:] = [' '] * (self.columns - self.x)
        else:
            self.cells = [[' '] * self.columns for _ in range(self.rows)]

    def control(self, numbers, final):
        first = numbers[0] if numbers else 0
        count = max(first, 1)
        if final == 'H':
            second = numbers[1] if len(numbers) > 1 else 1
            self.y = min(count, self.rows) - 1
            self.x = min(max(second, 1), self.columns) - 1
        elif final == 'r':
            second = numbers[1] if len(numbers) > 1 else self.rows
            self.top, self.bottom = count - 1, min(second, self.rows) - 1
            self.y = self.x = 0
        elif final == 'J':
            self.clear(first)
        elif final == 'K' and first == 0:
            self.cells[self.y][self.x:] = [' '] * (self.columns - self.x)
        elif final == 'K':
            end = self.x + 1 if first == 1 else self.columns
            self.cells[self.y][:end] = [' '] * end
        elif final in 'ABCD':
            self.y += {'A': -count, 'B': count}.get(final, 0)
            self.x += {'C': count, 'D': -count}.get(final, 0)

    def feed(self, data):
        data = self.rest + self.decoder.decode(data)
        self.rest = ''
        at = 0
        token = re.compile(r'\x1b\[[?]?([0-9;]*)([A-Za-z])|\x1b[()].|'
                           r'\x1b[^\[()]|[\x00-\x1a]|[^\x00-\x1f]')
        while at < len(data):
            found = token.match(data, at)
            if not found:
                self.rest = data[at:]
                return
            word, at = found.group(0), found.end()
            if found.group(2):
                numbers = [int(n) for n in found.group(1).split(';') if n]
                if '?' not in word:
                    self.control(numbers, found.group(2))
            elif word == '\r':
                self.x = 0
            elif word == '\n':
                self.line_feed()
            elif word == '\x1bM':
                self.line_back()
            elif word == '\b':
                self.x = max(self.x - 1, 0)
            elif word >= ' ':
                self.put(word)


class Terminal:
    def __init__(self, words, rows=24, columns=100, term='vt100'):
        self.master, slave = pty.openpty()
        self.screen = Screen(rows, columns)
        self.resize(rows, columns)
        self.before = termios.tcgetattr(slave)
        self.slave = slave
        environment = dict(os.environ, TERM=term, LC_ALL='C.UTF-8')
        self.process = subprocess.Popen(
            [GCMALLOC, 'top'] + words, stdin=slave, stdout=slave,
            stderr=slave, env=environment, start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        self.raw = b''

    def resize(self, rows, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ,
                    struct.pack('HHHH', rows, columns, 0, 0))

    def resize_running(self, rows, columns):
        self.read(0.2)
        self.screen.resize(rows, columns)
        self.resize(rows, columns)

    def read(self, seconds):
        end = time.monotonic() + seconds
        while True:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.master], [], [], left)[0]:
                return
            data = os.read(self.master, 65536)
            self.raw += data
            self.screen.feed(data)

    def key(self, key):
        os.write(self.master, key)

    def wait(self, what, condition, seconds=20):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.read(0.1)
            if condition(self.screen.text()):
                return
        fail('%s:\n%s' % (what, self.screen.text()))

    def shows(self, pattern):
        self.wait('no %r' % pattern,
                  lambda text: re.search(pattern, text, re.M))

    def quit(self, how):
        how()
        end = time.monotonic() + 10
        while self.process.poll() is None and time.monotonic() < end:
            self.read(0.1)
        self.read(0.3)
        if self.process.poll() is None:
            self.process.kill()
            fail('does not end')
        if termios.tcgetattr(self.slave) != self.before:
            fail('the terminal is not as it was')


def fail(text):
    print('top_screen.py: ' + text)
    sys.exit(1)


PROGRAM = r'''
#include <stdlib.h>
#include <unistd.h>
char *volatile kept[4000];
int main(int argc, char **argv)
{
	unsigned seed = 1;
	int share = atoi(argv[1]);
	for (int i = 0; i < share * 1000; i++)
		kept[rand_r(&seed) % 4000] = calloc(1, 1000);
	for (;;) {
		for (int i = 0; i < 3000; i++)
			kept[rand_r(&seed) % 4000] = calloc(1, 1000);
		usleep(30000);
	}
}
'''


def start_programs():
    with open('grows.c', 'w') as file:
        file.write(PROGRAM)
    subprocess.run([os.environ.get('TEST_CC', 'cc').split()[0], '-O1', '-o',
                    'grows', 'grows.c'], check=True)
    return [subprocess.Popen([GCMALLOC, 'run', 'timeout', '100', './grows',
                              str(share)]) for share in range(1, 6)]


def programs_seen():
    """The processes that grow, not what waits for them."""
    out = subprocess.run([GCMALLOC, 'top', '--list'], capture_output=True,
                         text=True, check=True).stdout
    return [line.split('\t')[0] for line in out.splitlines()
            if line.endswith('\tgrows')]


def check_list(pids):
    top = Terminal(['-d', '0.5', '--sort', 'pid'] + pids)
    top.shows(r'^gcmalloc top: 5 processes, heap [0-9.]+M, resident '
              r'[0-9.]+M; by PID, every 0.5 s')
    top.shows(r'^ +PID COMMAND +HEAP')
    top.shows(r'^q quit')
    for pid in pids:
        top.shows(r'^ *%s grows +[0-9.]+M +[0-9.]+M +[0-9.]+M' % pid)
    order = sorted(pids, key=int, reverse=True)
    top.wait('not in order', lambda text: re.findall(
        r'^ *(\d+) grows', text, re.M) == order)
    top.key(b'r')
    top.wait('not turned', lambda text: re.findall(
        r'^ *(\d+) grows', text, re.M) == order[::-1])
    top.key(b'>')
    top.shows('by COMMAND upwards')
    top.key(b'<<')
    top.shows('by STATE upwards')
    top.key(b'+')
    top.shows('every 1 s')
    top.key(b'--')
    top.shows('every 0.25 s')
    return top


def check_alone(top, pids):
    top.key(b'>r')
    top.shows('by PID,')
    first, second = sorted(pids, key=int, reverse=True)[:2]
    top.key(b'\x1b[H\x1bOH' + UP * 6 + DOWN)
    top.read(0.5)
    top.key(b'\r')
    top.shows(r'^gcmalloc top: process (%s|%s), grows' % (first, second))
    top.shows(r'^HEAP +[0-9.]+M +GOAL')
    top.shows(r'^live blocks +[0-9.]+M +\S')
    top.shows(r'^other +[0-9.]+[KM]')
    top.shows('[▁▂▃▄▅▆▇█]{3}')
    top.key(b'\r')
    top.shows(r'^gcmalloc top: 5 processes')


def check_sizes(top):
    for rows, columns in ((40, 150), (10, 40), (3, 12), (1, 1), (2, 5),
                          (24, 80)):
        top.resize_running(rows, columns)
        top.read(0.6)
        if top.process.poll() is not None:
            fail('ended at %dx%d' % (rows, columns))
        if columns == 40 and not re.search(r'HEAP', top.screen.text()):
            fail('40 columns:\n' + top.screen.text())
    top.shows(r'^gcmalloc top: 5 processes')
    top.shows(r'^ +PID COMMAND .*HEAP.*STATE$')
    top.shows(r'^q quit')


def check_vanishing(top, pids):
    os.kill(int(pids[0]), signal.SIGKILL)
    top.shows(r'^ *%s .*gone$' % pids[0])
    top.quit(lambda: top.key(b'q'))
    if top.process.returncode != 0:
        fail('status %d' % top.process.returncode)


def check_all(pids):
    """Without numbers: who vanishes is gone from the list."""
    top = Terminal(['-d', '0.3'], rows=60)
    top.shows(r'^ *%s grows' % pids[1])
    top.shows(r'^ *%s grows' % pids[2])
    os.kill(int(pids[1]), signal.SIGKILL)
    top.wait('still there', lambda text: not re.search(
        r'^ *%s grows' % pids[1], text, re.M))
    top.shows(r'^ *%s grows' % pids[2])
    top.quit(lambda: top.process.send_signal(signal.SIGTERM))


def check_end(pids):
    top = Terminal(['-d', '0.1', '-n', '3', pids[3]])
    top.quit(lambda: None)
    top = Terminal([pids[3]])
    top.shows(r'^ *%s ' % pids[3])
    top.quit(lambda: top.key(b'\x03'))
    top = Terminal(['-n', '2', '-d', '0.1', pids[3]], term='dumb')
    top.quit(lambda: None)
    if b'\x1b' in top.raw or top.raw.count(b'HEAP') != 2:
        fail('a dumb terminal: %r' % top.raw)
    top = Terminal(['-n', '1', pids[3]], term='nonsense')
    top.quit(lambda: None)
    if b'HEAP' not in top.raw:
        fail('an unknown terminal: %r' % top.raw)


def main():
    if not os.access(GCMALLOC, os.X_OK):
        sys.exit(77)
    with open(os.environ['GCMTEST_BUILDDIR'] + '/config.h') as file:
        if '#define GCM_CURSES 1' not in file.read():
            sys.exit(77)
    if len(sys.argv) > 1:
        top = Terminal(sys.argv[2:], int(os.environ.get('ROWS', 24)), 110)
        top.read(3)
        for key in sys.argv[1]:
            top.key(key.encode())
            top.read(2)
        print(top.screen.text())
        top.quit(lambda: top.key(b'q'))
        return
    running = start_programs()
    try:
        end = time.monotonic() + 30
        pids = programs_seen()
        while len(pids) < 5 and time.monotonic() < end:
            time.sleep(0.2)
            pids = programs_seen()
        time.sleep(1)
        top = check_list(pids)
        check_alone(top, pids)
        check_sizes(top)
        check_vanishing(top, pids)
        check_all(pids)
        check_end(pids)
    finally:
        for program in running:
            program.terminate()
            program.wait()


main()
