/* serve.c -- the server's own work: what it has from its start, sessions,
 * requests; blocks of all sizes beside
 *
 * MODEL   A request carries a seed; the answer is a sum over a tree built from
 *         it, which the client knows without building one.  On its way the
 *         request changes a session that it locks.  One of sixteen entries
 *         that leave a session is forgotten instead of freed.
 *
 *         The fixed trees are made before any thread and never changed, so a
 *         forked child may check them too, whatever was locked.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/soak/soak.h"

enum {
	SESSIONS = 600,
	HISTORY = 12, /* entries of a session */
	FIXED = 12,
	PARTS = 16,
	BLOCKS = 400
};

struct session {
	pthread_mutex_t lock;
	struct cell *oldest, *newest; /* a list by links[0]; under lock */
	unsigned length;              /* under lock */
	char *text;                   /* grows by realloc; under lock */
	size_t text_len;              /* under lock */
};

static int server_socket; /* const once started */
static atomic_bool ended;
static struct session *sessions[SESSIONS]; /* const once started */
static struct cell *fixed[FIXED];          /* const once started */

/* Sessions
 * --------------------------------------------------------------------- */

static void
check_session(const struct session *session)
{
	const struct cell *cell = session->oldest, *last = NULL;
	unsigned n = 0;

	for (; cell != NULL; cell = cell->links[0], n++) {
		cell_check(cell, "session");
		last = cell;
	}
	KIT_CHECK(n == session->length && last == session->newest);
	for (size_t i = 0; i < session->text_len; i++)
		if (session->text[i] != (char)('a' + i % 26))
			KIT_FAIL("LOST session's text: byte %zu", i);
}

static void
drop_oldest(struct session *session, struct kit_rng *rng)
{
	struct cell *cell = session->oldest;

	session->oldest = cell->links[0];
	session->length--;
	cell_link(cell, 0, NULL);
	if (kit_below(rng, 16) == 0)
		lost_note(LOST_REQUEST, cell, cell_bytes(cell));
	else
		cell_free(cell, "entry");
}

static void
add_entry(struct session *session, struct kit_rng *rng)
{
	struct cell *cell = cell_new(rng, 1, kit_size(rng, 300));

	if (session->newest != NULL)
		cell_link(session->newest, 0, cell);
	else
		session->oldest = cell;
	session->newest = cell;
	session->length++;
	if (session->length > HISTORY)
		drop_oldest(session, rng);
}

static void
grow_text(struct session *session, struct kit_rng *rng)
{
	size_t len = kit_size(rng, 6000);

	session->text = realloc(session->text, len + 1);
	KIT_CHECK(session->text != NULL);
	for (size_t i = session->text_len; i < len; i++)
		session->text[i] = (char)('a' + i % 26);
	session->text_len = len;
}

static void
use_session(struct kit_rng *rng)
{
	struct session *session = sessions[kit_below(rng, SESSIONS)];

	pthread_mutex_lock(&session->lock);
	check_session(session);
	add_entry(session, rng);
	if (kit_below(rng, 4) == 0)
		grow_text(session, rng);
	pthread_mutex_unlock(&session->lock);
}

/* Requests
 * --------------------------------------------------------------------- */

static uint64_t
fold(uint64_t sum, uint64_t value)
{
	return (sum ^ value) * 0x9e3779b97f4a7c15u;
}

uint64_t
serve_expected(uint64_t seed)
{
	uint64_t sum = seed;

	for (uint64_t i = 0; i < PARTS; i++)
		sum = fold(sum, seed * i);
	return sum;
}

/* The same by way of blocks that live as long as the request. */
static uint64_t
answer(const struct request *request, struct kit_rng *rng)
{
	uint64_t **parts = calloc(PARTS, sizeof(*parts)), sum = request->seed;

	for (uint64_t i = 0; i < PARTS; i++) {
		parts[i] = malloc(8 + kit_size(rng, 4000));
		*parts[i] = request->seed * i;
		if (kit_below(rng, 8) == 0)
			use_session(rng);
	}
	for (size_t i = 0; i < PARTS; i++) {
		sum = fold(sum, *parts[i]);
		free(parts[i]);
	}
	free(parts);
	return sum;
}

static void
run_serve(struct kit_rng *rng)
{
	for (;;) {
		struct request request;
		struct reply reply;
		ssize_t n = recv(server_socket, &request, sizeof(request), 0);

		if (n == 0)
			break;
		if (n != sizeof(request))
			KIT_FAIL("recv: %zd", n);
		reply.id = request.id;
		reply.sum = answer(&request, rng);
		if (send(server_socket, &reply, sizeof(reply), 0) !=
		    sizeof(reply))
			KIT_FAIL("send");
		soak_did(&task_serve);
	}
	atomic_store(&ended, true);
}
struct task task_serve = {"serve", run_serve, 2, 0};

bool
serve_ended(void)
{
	return atomic_load(&ended);
}

void
serve_start(int sock)
{
	struct kit_rng rng = kit_rng_new((uint64_t)getpid());

	server_socket = sock;
	for (size_t i = 0; i < FIXED; i++)
		fixed[i] = tree_new(&rng, 4, 5);
	for (size_t i = 0; i < SESSIONS; i++) {
		sessions[i] = calloc(1, sizeof(*sessions[i]));
		pthread_mutex_init(&sessions[i]->lock, NULL);
		for (size_t j = 0; j < HISTORY; j++)
			add_entry(sessions[i], &rng);
	}
}

/* Checking all the time
 * --------------------------------------------------------------------- */

void
serve_check_fixed(void)
{
	for (size_t i = 0; i < FIXED; i++)
		KIT_CHECK(tree_check(fixed[i], "fixed tree") == 1365);
}

static void
run_check(struct kit_rng *rng)
{
	while (soak_goes_on()) {
		struct session *session = sessions[kit_below(rng, SESSIONS)];

		pthread_mutex_lock(&session->lock);
		check_session(session);
		pthread_mutex_unlock(&session->lock);
		if (kit_below(rng, 100) == 0)
			serve_check_fixed();
		soak_nap(rng, 300);
		soak_did(&task_check);
	}
	for (size_t i = 0; i < SESSIONS; i++) {
		pthread_mutex_lock(&sessions[i]->lock);
		check_session(sessions[i]);
		pthread_mutex_unlock(&sessions[i]->lock);
	}
	serve_check_fixed();
}
struct task task_check = {"check", run_check, 1, 0};

/* All calls, all sizes, aligned and not; the table itself is a block. */
static void
run_blocks(struct kit_rng *rng)
{
	struct kit_block *blocks = calloc(BLOCKS, sizeof(*blocks));

	while (soak_goes_on()) {
		struct kit_block *b = &blocks[kit_below(rng, BLOCKS)];
		bool big = kit_below(rng, 300) == 0;
		size_t size = kit_size(rng, big ? 2000000 : 4000);

		if (b->p == NULL)
			kit_block_new(b, rng, size, 1);
		else if (kit_below(rng, 3) == 0)
			kit_block_resize(b, rng, size);
		else
			kit_block_free(b);
		if (kit_below(rng, 16) == 0)
			soak_nap(rng, 200);
		soak_did(&task_blocks);
	}
	for (size_t i = 0; i < BLOCKS; i++)
		if (blocks[i].p != NULL)
			kit_block_free(&blocks[i]);
	free(blocks);
}
struct task task_blocks = {"blocks", run_blocks, 1, 0};
