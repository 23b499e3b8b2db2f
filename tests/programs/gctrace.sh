#!/bin/sh
# gctrace.sh -- the lines of GCM_DEBUG=gctrace=1 as they leave a real program:
# to a pipe, a file, a socket, GCM_LOG; none where stderr is somebody else's by
# then, or where nobody reads; and a program in Go that reads Go's own traces.
set -eu

cat > leak.c <<'END'
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void leak(long n)
{
	for (long i = 0; i < n; i++) {
		volatile char *lost = malloc(256);

		if (lost != NULL)
			lost[0] = 1;
	}
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "";
	int pair[2];

	if (strcmp(how, "socket") == 0) {
		char text[4096];
		ssize_t got;

		/* The program that is run has it as its descriptor 2. */
		if (socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) != 0)
			return 1;
		dup2(pair[0], 2);
		setenv("LD_PRELOAD", getenv("LIBRARY"), 1);
		setenv("GCM_DEBUG", "gctrace=1", 1);
		if (fork() == 0) {
			execl(argv[0], argv[0], (char *)NULL);
			_exit(1);
		}
		alarm(20);
		got = recv(pair[1], text, sizeof(text), 0);
		return got <= 0 || write(1, text, (size_t)got) != got;
	}
	if (strcmp(how, "other") == 0) {
		int fd = open("other", O_RDWR | O_CREAT, 0666);

		dup2(fd, 2);
	}
	if (strcmp(how, "full") == 0) { /* nobody reads */
		char text[4096] = "";

		fcntl(2, F_SETFL, O_NONBLOCK);
		while (write(2, text, sizeof(text)) > 0)
			continue;
		if (argc > 2)
			fcntl(2, F_SETFL, 0);
	}
	leak(200000);
	for (int i = 0; i < 5 && strcmp(how, "full") == 0; i++)
		if (fork() == 0) /* waits for the collector's thread */
			_exit(0);
	usleep(50000);
	return 0;
}
END
${TEST_CC:-cc} -O1 -w -o leak leak.c

run() { # ARGUMENTS
	GCM_DEBUG=gctrace=1 LD_PRELOAD=$GCMTEST_LIB ./leak "$@"
}

status=0
ms='([0-9]+|[0-9]\.[0-9]|0\.[0-9]{2,3})'
grammar="^gc [0-9]+ @[0-9]+\.[0-9]{3}s [0-9]+%: $ms\+$ms\+$ms ms clock, \
$ms\+$ms/$ms/$ms\+$ms ms cpu, [0-9]+->[0-9]+->[0-9]+ MB, [0-9]+ MB goal, \
[0-9]+ MB stacks, [0-9]+ MB globals, [0-9]+ P( \(forced\))?\
(, [0-9]+ B reclaimed in [0-9]+ blocks, [0-9]+ B in limbo(, [a-z]+)?\
(, [0-9]+ stops, $ms ms)?)?\
( \([^)]*\))*\$"

check() { # NAME FILE
	if [ ! -s "$2" ] || grep -Evx 'GC forced' "$2" | grep -Ev "$grammar"; then
		echo "gctrace.sh: $1: no lines, or not as they should be"
		status=1
	fi
}

run 2> file
check file file
run 2>> file
check append file
run 2>&1 > /dev/null | cat > pipe
check pipe pipe
LIBRARY=$GCMTEST_LIB ./leak socket > socket || status=1
check socket socket
GCM_LOG=log.%p run 2> stderr
check log "$(echo log.*)"
[ ! -s stderr ] || { echo "gctrace.sh: stderr has lines of the log"; status=1; }
run other 2> stderr
[ ! -s other ] || { echo "gctrace.sh: a line in a file of the program"; status=1; }
for kind in "" blocking; do
	mkfifo fifo
	sleep 20 < fifo &
	reader=$!
	before=$(date +%s)
	run full $kind 2> fifo
	[ $(($(date +%s) - before)) -lt 4 ] || {
		echo "gctrace.sh: a program that nobody reads from hangs"
		status=1
	}
	kill $reader
	rm fifo
done

command -v go > /dev/null || exit $status
cat > parse.go <<'END'
package main

import (
	"bufio"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
)

// The fields of runtime's documentation, with names.
var line = regexp.MustCompile(`^gc (?P<n>\d+) @(?P<at>[\d.]+)s (?P<cpu>\d+)%: ` +
	`(?P<clock>[\d.]+\+[\d.]+\+[\d.]+) ms clock, ` +
	`(?P<used>[\d.]+\+[\d.]+/[\d.]+/[\d.]+\+[\d.]+) ms cpu, ` +
	`(?P<h0>\d+)->(?P<h1>\d+)->(?P<h2>\d+) MB, (?P<goal>\d+) MB goal, ` +
	`(?P<stacks>\d+) MB stacks, (?P<globals>\d+) MB globals, (?P<p>\d+) P`)

func main() {
	last, lastAt := 0, 0.0
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		if in.Text() == "GC forced" {
			continue
		}
		m := line.FindStringSubmatch(in.Text())
		if m == nil {
			fmt.Println("parse.go: cannot read", in.Text())
			os.Exit(1)
		}
		n, _ := strconv.Atoi(m[1])
		at, err := strconv.ParseFloat(m[2], 64)
		for _, t := range strings.FieldsFunc(m[4]+"+"+m[5],
			func(c rune) bool { return c == '+' || c == '/' }) {
			if _, e := strconv.ParseFloat(t, 64); e != nil {
				err = e
			}
		}
		if err != nil || n != last+1 || at < lastAt || m[12] == "0" {
			fmt.Println("parse.go: makes no sense:", in.Text())
			os.Exit(1)
		}
		last, lastAt = n, at
	}
	if last == 0 {
		fmt.Println("parse.go: no line")
		os.Exit(1)
	}
}
END
if GOCACHE=$PWD/cache GO111MODULE=off go build -o parse parse.go 2> build; then
	./parse < pipe || status=1
fi
exit $status
