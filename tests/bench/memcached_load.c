/* memcached_load.c -- a client for memcached: so many requests, how fast
 *
 * MODEL   memcached_load SOCKET CONNECTIONS REQUESTS KEYS
 *         One thread, all connections of which each has one request under
 *         way: of ten, one stores a value of 20 to 4000 bytes, the others get
 *         one.  Prints requests a second and the 99th percentile of their
 *         times in ms.  The values are checked: a key's length and bytes
 *         follow from its number.
 */
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum {
	CONNECTIONS = 200,
	VALUE_MAX = 4000,
	ROOM = 2 * VALUE_MAX,
	STORE_EVERY = 10
};

struct connection {
	int64_t sent_ns;
	size_t want; /* bytes of the answer; 0: idle */
	size_t got;
	uint32_t key;
	int stores;
	char answer[ROOM];
};

static struct connection connections[CONNECTIONS];
static struct pollfd polls[CONNECTIONS];
static int64_t *times_ns;
static char request[ROOM];
static uint64_t random_state = 1;

static void
fail(const char *what)
{
	fprintf(stderr, "memcached_load: %s\n", what);
	exit(1);
}

static int64_t
now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static uint32_t
draw(uint32_t limit)
{
	random_state =
	    random_state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)((random_state >> 33) % limit);
}

static size_t
length_of(uint32_t key)
{
	return 20 + key * 2654435761u % (VALUE_MAX - 20);
}

static void
begin(size_t i, uint32_t key, int stores)
{
	struct connection *c = &connections[i];
	size_t length = length_of(key);
	int n;

	c->key = key;
	c->stores = stores;
	c->got = 0;
	if (stores) {
		n = snprintf(request, sizeof(request), "set k%u 0 0 %zu\r\n",
		    key, length);
		memset(request + n, 'a' + (int)(key % 26), length);
		memcpy(request + n + length, "\r\n", 2);
		n += (int)length + 2;
		c->want = strlen("STORED\r\n");
	} else {
		n = snprintf(request, sizeof(request), "VALUE k%u 0 %zu\r\n",
		    key, length);
		c->want = (size_t)n + length + strlen("\r\nEND\r\n");
		n = snprintf(request, sizeof(request), "get k%u\r\n", key);
	}
	c->sent_ns = now_ns();
	if (write(polls[i].fd, request, (size_t)n) != n)
		fail("write");
}

/* True when all of the answer is there. */
static int
go_on(size_t i)
{
	struct connection *c = &connections[i];
	ssize_t n = read(polls[i].fd, c->answer + c->got, ROOM - c->got);

	if (n <= 0)
		fail("the server hung up");
	c->got += (size_t)n;
	if (c->got < c->want && strncmp(c->answer, "END\r\n", 5) != 0)
		return 0;
	if (c->got != c->want ||
	    (c->stores && strncmp(c->answer, "STORED", 6) != 0) ||
	    (!c->stores &&
		c->answer[c->want - 8] != (char)('a' + (int)(c->key % 26))))
		fail("a wrong answer");
	return 1;
}

static void
open_connections(const char *path, size_t n)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	for (size_t i = 0; i < n; i++) {
		polls[i].fd = socket(AF_UNIX, SOCK_STREAM, 0);
		polls[i].events = POLLIN;
		if (connect(polls[i].fd, (struct sockaddr *)&addr,
			sizeof(addr)) != 0)
			fail("connect");
	}
}

/* Every key once, one after the other. */
static void
store_all(uint32_t nkeys)
{
	for (uint32_t key = 0; key < nkeys; key++) {
		begin(0, key, 1);
		while (!go_on(0))
			continue;
	}
}

static void
run(size_t nconnections, size_t nrequests, uint32_t nkeys)
{
	size_t begun = 0, done = 0;

	for (; begun < nconnections && begun < nrequests; begun++)
		begin(begun, draw(nkeys), begun % STORE_EVERY == 0);
	while (done < nrequests) {
		if (poll(polls, nconnections, -1) <= 0)
			fail("poll");
		for (size_t i = 0; i < nconnections; i++) {
			if (polls[i].revents == 0 || !go_on(i))
				continue;
			times_ns[done++] = now_ns() - connections[i].sent_ns;
			if (begun < nrequests)
				begin(
				    i, draw(nkeys), begun++ % STORE_EVERY == 0);
		}
	}
}

static int
compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

int
main(int argc, char **argv)
{
	size_t nconnections, nrequests;
	int64_t began;

	if (argc != 5)
		fail("usage: memcached_load SOCKET CONNECTIONS REQUESTS KEYS");
	nconnections = (size_t)atol(argv[2]);
	nrequests = (size_t)atol(argv[3]);
	if (nconnections == 0 || nconnections > CONNECTIONS || nrequests == 0)
		fail("numbers");
	times_ns = calloc(nrequests, sizeof(*times_ns));
	open_connections(argv[1], nconnections);
	store_all((uint32_t)atol(argv[4]));
	began = now_ns();
	run(nconnections, nrequests, (uint32_t)atol(argv[4]));
	began = now_ns() - began;
	qsort(times_ns, nrequests, sizeof(*times_ns), compare);
	printf("%.1f %.4f\n", (double)nrequests * 1e9 / (double)began,
	    (double)times_ns[nrequests * 99 / 100] / 1e6);
	return 0;
}
