/* event.c -- notes in memory
 *
 * MODEL   There are buffers, each a batch of event_format.h, and places.  A
 *         writer takes the buffer out of the place that its thread's number
 *         leads to, or a free one if there is none, appends its record, and
 *         puts it back.  If there is another one by then (a signal handler that
 *         came in between, a thread with the same place) its own counts as
 *         full, unless the place beside is empty.  So nobody waits for anybody,
 *         and whoever wants to write to the file takes half-full ones out of
 *         their places the same way.  A small ring has fewer places: what is in
 *         one is not overwritten.
 *
 *         Full buffers wait to be written (event_file.c).  When none is free an
 *         event is lost, and counted.  In a ring full ones are taken again
 *         instead, the oldest first.
 *
 * STATES  of a buffer  who may touch it                 next
 *         FREE         nobody                           TAKEN
 *         TAKEN        who took it out of a place, or   FULL
 *                      nobody while it is in one
 *         FULL         nobody                           WRITING; ring: TAKEN
 *         WRITING      the only writer to the file      FREE FULL
 *
 *         One word for each: generation, words used, state.
 *
 * INVARIANTS
 *   .inv.event-last  the first word of a record is stored last: what is in a
 *                    buffer up to a word of zero is complete, whenever the
 *                    process ends.
 *   .inv.event-age   words that say who has a buffer bear the generation: a
 *                    note that was interrupted by a handler which forked finds,
 *                    in the child, that nothing is as it was, and its record is
 *                    dropped.  What it has yet to write goes to the buffers of
 *                    the generation before, which stay mapped.
 *
 * FORK    gcm_event_revive, at the child's first note.
 */
#include "core/event.h"

#include <string.h>

#include "core/event_state.h"
#include "core/os.h"

enum buffer_state {
	FREE,
	TAKEN,
	FULL,
	WRITING
};

enum {
	NONE = -1,
	HEAD_WORDS = sizeof(struct gcm_batch) / sizeof(uint64_t),
	BATCH_WORDS = GCM_BATCH_BYTES / sizeof(uint64_t),
	AGE_SHIFT = 32,
	USED_SHIFT = 8,
	PLACE_SHIFT = 16 /* of a place's generation; below: buffer + 1 */
};
_Static_assert(GCM_EVENT_RING_MOST < 1 << PLACE_SHIFT, "a buffer's number");

GCM_HIDDEN _Atomic bool gcm_event_on;
struct gcm_event_state gcm_event;

static uint64_t
make_state(uint32_t age, uint32_t used, enum buffer_state state)
{
	return (uint64_t)age << AGE_SHIFT | used << USED_SHIFT | state;
}

static enum buffer_state
state_of(uint64_t word)
{
	return (enum buffer_state)(word & ((1u << USED_SHIFT) - 1));
}

static uint32_t
used_of(uint64_t word)
{
	return (uint32_t)word >> USED_SHIFT;
}

static uint32_t
age_of(uint64_t word)
{
	return (uint32_t)(word >> AGE_SHIFT);
}

static bool
change_state(uint32_t i, uint64_t from, uint64_t to)
{
	return atomic_compare_exchange_strong(&gcm_event.states[i], &from, to);
}

struct gcm_batch *
gcm_event_batch(uint32_t i)
{
	return (struct gcm_batch *)(void *)(gcm_event.base +
					    (size_t)i * GCM_BATCH_BYTES);
}

/* Buffers ------------------------------------------------------------------ */

static void
begin_batch(uint32_t i)
{
	struct gcm_batch *batch = gcm_event_batch(i);

	/* In a ring: who reads it now sees the old number and no records. */
	memset(batch + 1, 0, GCM_BATCH_BYTES - sizeof(*batch));
	atomic_thread_fence(memory_order_release);
	batch->kind = GCM_BATCH_EVENTS;
	batch->bytes = GCM_BATCH_BYTES;
	batch->pid = gcm_event.pid;
	batch->unused = 0;
	batch->lost = atomic_load(&gcm_event.lost);
	batch->number = atomic_fetch_add(&gcm_event.number, 1) + 1;
	batch->magic = GCM_BATCH_MAGIC;
}

static int
take_fresh(uint32_t age)
{
	uint32_t n = gcm_event.nbatch - gcm_event.first;

	for (uint32_t tries = 0; tries < n; tries++) {
		uint32_t i = gcm_event.first +
			     atomic_fetch_add(&gcm_event.cursor, 1) % n;
		uint64_t seen = atomic_load(&gcm_event.states[i]);
		bool fit = state_of(seen) == FREE ||
			   (gcm_event.ring && state_of(seen) == FULL);

		if (fit && age_of(seen) == age &&
		    change_state(i, seen, make_state(age, HEAD_WORDS, TAKEN))) {
			if (state_of(seen) == FULL)
				atomic_fetch_sub(&gcm_event.full, 1);
			begin_batch(i);
			return (int)i;
		}
	}
	return NONE;
}

static void
finish(uint32_t i, uint32_t age)
{
	uint64_t seen = atomic_load(&gcm_event.states[i]);

	if (age_of(seen) == age && state_of(seen) == TAKEN &&
	    change_state(i, seen, make_state(age, used_of(seen), FULL)))
		atomic_fetch_add(&gcm_event.full, 1);
}

/* Places ------------------------------------------------------------------- */

static uint32_t
empty_place(uint32_t age)
{
	return age << PLACE_SHIFT;
}

static _Atomic uint32_t *
place_of(uint32_t tid)
{
	return &gcm_event.places[(tid * 0x9e3779b1u >> 16) &
				 (gcm_event.nplaces - 1)];
}

/* The other place of two. */
static _Atomic uint32_t *
place_beside(_Atomic uint32_t *place)
{
	return &gcm_event.places[(place - gcm_event.places) ^ 1];
}

static int
take_from(_Atomic uint32_t *place, uint32_t age)
{
	uint32_t seen = atomic_load(place);

	do {
		if ((seen ^ empty_place(age)) >> PLACE_SHIFT != 0 ||
		    seen == empty_place(age))
			return NONE;
	} while (!atomic_compare_exchange_weak(place, &seen, empty_place(age)));
	return (int)(seen - empty_place(age)) - 1;
}

static void
put_back(_Atomic uint32_t *place, uint32_t i, uint32_t age)
{
	uint32_t empty = empty_place(age), also = empty;

	if (!atomic_compare_exchange_strong(place, &empty, empty + i + 1) &&
	    !atomic_compare_exchange_strong(
		place_beside(place), &also, also + i + 1))
		finish(i, age);
}

/* Notes -------------------------------------------------------------------- */

/* A buffer with room for so many words, or NONE. */
static int
take_buffer(_Atomic uint32_t *place, uint32_t nwords, uint32_t age)
{
	int i = take_from(place, age);

	if (i == NONE)
		i = take_from(place_beside(place), age);
	if (i == NONE)
		return take_fresh(age);
	if (used_of(atomic_load(&gcm_event.states[i])) + nwords <= BATCH_WORDS)
		return i;
	finish((uint32_t)i, age);
	return take_fresh(age);
}

/* False when it is not ours any more: .inv.event-age */
static bool
append(char *base, uint32_t i, uint32_t age, const uint64_t *head,
    const uint64_t *fields, uint32_t nfields)
{
	uint64_t seen = atomic_load(&gcm_event.states[i]);
	uint32_t used = used_of(seen), n = GCM_EVENT_HEAD_WORDS + nfields;
	uint64_t *at = (uint64_t *)(void *)(base + (size_t)i * GCM_BATCH_BYTES);

	if (age_of(seen) != age || used + n > BATCH_WORDS)
		return false;
	at += used;
	at[1] = head[1];
	for (uint32_t j = 0; j < nfields; j++)
		at[GCM_EVENT_HEAD_WORDS + j] = fields[j];
	atomic_store_explicit((_Atomic uint64_t *)at, head[0],
	    memory_order_release); /* .inv.event-last */
	return change_state(i, seen, make_state(age, used + n, TAKEN));
}

static bool
is_alive(void)
{
	return GCM_LIKELY(atomic_load_explicit(gcm_event.alive,
			      memory_order_acquire) == GCM_EVENT_ALIVE) ||
	       gcm_event_revive();
}

void
gcm_event_add_at(enum gcm_event_id id, uint64_t at_ns, const uint64_t *fields,
    unsigned int nfields)
{
	uint32_t age, tid, nwords = GCM_EVENT_HEAD_WORDS + nfields;
	_Atomic uint32_t *place;
	uint64_t head[2];
	char *base;
	int i;

	if (!is_alive())
		return;
	age = atomic_load(&gcm_event.generation);
	base = gcm_event.base;
	tid = (uint32_t)gcm_os_tid();
	place = place_of(tid);
	i = take_buffer(place, nwords, age);
	if (i == NONE) {
		atomic_fetch_add(&gcm_event.lost, 1);
		gcm_event_help();
		return;
	}
	head[0] = (uint64_t)tid << 32 | nwords << 8 | id;
	head[1] = at_ns != 0 ? at_ns : gcm_os_now_ns();
	if (append(base, (uint32_t)i, age, head, fields, nfields))
		put_back(place, (uint32_t)i, age);
	if (atomic_load(&gcm_event.full) != 0)
		gcm_event_help();
}

void
gcm_event_add(
    enum gcm_event_id id, const uint64_t *fields, unsigned int nfields)
{
	if (gcm_event_is_on())
		gcm_event_add_at(id, 0, fields, nfields);
}

void
gcm_event_add_text(enum gcm_event_id id, const char *text)
{
	uint64_t words[GCM_EVENT_TEXT_WORDS] = {0};
	size_t len = strlen(text);

	memcpy(words, text, len < sizeof(words) ? len : sizeof(words));
	gcm_event_add(id, words, GCM_EVENT_TEXT_WORDS);
}

void
gcm_event_thread(const char *name)
{
	char own[GCM_OS_NAME_BYTES];

	if (!gcm_event_is_on() ||
	    (name == NULL && gcm_os_tid() == gcm_os_pid()))
		return;
	if (name == NULL) {
		gcm_os_thread_name(own);
		name = own;
	}
	gcm_event_add_text(GCM_EVENT_thread_begin, name);
}

/* For who writes to the file ----------------------------------------------- */

void
gcm_event_clear(uint32_t generation)
{
	gcm_event.nplaces = GCM_EVENT_PLACES;
	while (
	    gcm_event.nplaces > 2 && gcm_event.nplaces > gcm_event.nbatch / 4)
		gcm_event.nplaces /= 2;
	for (uint32_t i = 0; i < gcm_event.nbatch; i++)
		atomic_store_explicit(&gcm_event.states[i],
		    make_state(generation, HEAD_WORDS, FREE),
		    memory_order_relaxed);
	for (uint32_t i = 0; i < GCM_EVENT_PLACES; i++)
		atomic_store(&gcm_event.places[i], empty_place(generation));
	atomic_store(&gcm_event.cursor, 0);
	atomic_store(&gcm_event.number, 0);
	atomic_store(&gcm_event.lost, 0);
	atomic_store(&gcm_event.full, 0);
	atomic_store(&gcm_event.generation, generation);
}

void
gcm_event_steal(void)
{
	uint32_t age = atomic_load(&gcm_event.generation);

	for (uint32_t i = 0; i < GCM_EVENT_PLACES; i++) {
		int got = take_from(&gcm_event.places[i], age);

		if (got != NONE)
			finish((uint32_t)got, age);
	}
}

bool
gcm_event_take_full(uint32_t *i)
{
	uint32_t age = atomic_load(&gcm_event.generation), found = 0;
	uint64_t least = UINT64_MAX, seen;
	struct gcm_batch *batch;

	if (atomic_load(&gcm_event.full) == 0)
		return false;
	for (uint32_t j = gcm_event.first; j < gcm_event.nbatch; j++) {
		batch = gcm_event_batch(j);
		if (state_of(atomic_load(&gcm_event.states[j])) == FULL &&
		    batch->number < least) {
			least = batch->number;
			found = j;
		}
	}
	if (least == UINT64_MAX)
		return false;
	seen = atomic_load(&gcm_event.states[found]);
	if (age_of(seen) != age || state_of(seen) != FULL ||
	    !change_state(found, seen, make_state(age, used_of(seen), WRITING)))
		return false;
	batch = gcm_event_batch(found);
	batch->bytes = (uint32_t)(used_of(seen) * sizeof(uint64_t));
	batch->lost = atomic_load(&gcm_event.lost);
	*i = found;
	return true;
}

void
gcm_event_release(uint32_t i, bool written)
{
	uint64_t seen = atomic_load(&gcm_event.states[i]);

	if (state_of(seen) != WRITING ||
	    age_of(seen) != atomic_load(&gcm_event.generation))
		return;
	if (written)
		atomic_fetch_sub(&gcm_event.full, 1);
	(void)change_state(i, seen,
	    make_state(age_of(seen), used_of(seen), written ? FREE : FULL));
}
