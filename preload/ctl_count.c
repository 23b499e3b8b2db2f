/* ctl_count.c -- the figures that mallctl tells, and what they may cost
 *
 * MODEL   Figures are those of the last time "epoch" was written, as in
 *         jemalloc: one copy for all threads, whose words are single loads
 *         and stores, so that readers need no lock.
 *
 *         Pages are counted at any time; blocks and slots only by looking at
 *         all of them, two milliseconds for each 100 MiB, and some programs
 *         write "epoch" ten times a second (redis).  So there is a credit of
 *         CREDIT_NS that is restored at 1 % of the time that passes.  While
 *         it suffices everything is counted each time; when it is used up,
 *         each call counts on for STEP_NS, and the figures of blocks are those
 *         of the last count that reached the end.  A heap that is counted
 *         within STEP_NS is always exact.
 *
 * LOCKS   `counter`, the process that counts, is tried and never waited for:
 *         who comes second gets the figures that there are.
 *
 * FORK    a counter that is not this process is nobody.
 */
#include <string.h>

#include "preload/ctl.h"

enum {
	CREDIT_NS = 250 * 1000 * 1000,
	STEP_NS = 1000 * 1000
};

struct gcm_ctl_figures gcm_ctl_figures;

static _Atomic int counter; /* pid; 0: nobody counts */

/* Whoever is the counter. */
static struct {
	struct gcm_stat stat; /* counted so far in this pass */
	struct gcm_class_stat classes[GCM_NCLASSES];
	uint32_t next;     /* page the pass goes on at */
	uint64_t spent_ns; /* in this pass */
	uint64_t cost_ns;  /* of the last whole pass */
	uint64_t credit_ns;
	uint64_t seen_ns; /* when the credit was last restored */
} count = {.credit_ns = CREDIT_NS};

static bool
become_counter(void)
{
	int me = gcm_os_pid(), seen = 0;

	if (atomic_compare_exchange_strong(&counter, &seen, me))
		return true;
	if (seen == me || !atomic_compare_exchange_strong(&counter, &seen, me))
		return false;
	count.next = 0; /* a parent's: in the middle of something */
	return true;
}

#define STORE(word, value)                                                     \
	atomic_store_explicit(                                                 \
	    &gcm_ctl_figures.word, (value), memory_order_relaxed)

static void
publish_blocks(void)
{
	STORE(allocated, count.stat.allocated);
	STORE(large, count.stat.large);
	STORE(cached, count.stat.cached);
	STORE(hollow, count.stat.hollow);
	for (uint32_t i = 0; i < GCM_CTL_NBINS; i++) {
		STORE(live[i], count.classes[i].allocated);
		STORE(pages[i], count.classes[i].pages);
	}
}

static void
publish_pages(void)
{
	struct gcm_stat stat = {0};

	gcm_stat_totals(&stat);
	STORE(used, stat.used);
	STORE(free_pages, stat.free_pages);
	STORE(dirty_pages, stat.dirty_pages);
	STORE(tables, stat.tables);
	STORE(meta, stat.meta);
}

static void
begin_pass(void)
{
	memset(&count.stat, 0, sizeof(count.stat));
	memset(count.classes, 0, sizeof(count.classes));
	count.next = 0;
	count.spent_ns = 0;
}

static void
restore_credit(uint64_t now)
{
	uint64_t more = (now - count.seen_ns) / 100;

	count.seen_ns = now;
	if (more > CREDIT_NS - count.credit_ns)
		more = CREDIT_NS - count.credit_ns;
	count.credit_ns += more;
}

/* As much of a pass as may be done now. */
static void
count_on(bool all)
{
	uint64_t began = gcm_os_now_ns(), now = began, spent;
	bool more = true;

	restore_credit(began);
	all = all || count.credit_ns >= count.cost_ns;
	if (all || count.next == 0)
		begin_pass();
	while (more && (all || now - began < STEP_NS)) {
		more = gcm_stat_step(&count.stat, count.classes, &count.next);
		now = gcm_os_now_ns();
	}
	spent = now - began;
	count.credit_ns -= spent < count.credit_ns ? spent : count.credit_ns;
	count.spent_ns += spent;
	if (more)
		return;
	count.cost_ns = count.spent_ns;
	count.next = 0;
	publish_blocks();
}

bool
gcm_ctl_refresh(bool all)
{
	if (!gcm_heap_enter())
		return false;
	if (become_counter()) {
		count_on(all);
		atomic_store(&counter, 0);
	}
	publish_pages();
	atomic_fetch_add(&gcm_ctl_figures.epoch, 1);
	return true;
}
