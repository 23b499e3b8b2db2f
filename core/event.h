/* event.h -- the execution trace: what happens, noted where it happens
 *
 * GCM_TRACE names the file; event.def says which events there are,
 * event_format.h how they are written.  While nothing is recorded a note costs
 * one test of a flag.  Any thread, with TLS or without, in handlers, too: no
 * lock is taken, nobody is waited for, and errno is kept.
 */
#ifndef GCM_CORE_EVENT_H
#define GCM_CORE_EVENT_H

#include "core/base.h"
#include "core/event_format.h"

struct gcm_text;

/* The numbers of event.def's words that the library uses itself. */
enum gcm_event_cause {
	GCM_CAUSE_GROWTH,
	GCM_CAUSE_FORCED,
	GCM_CAUSE_PERIODIC,
	GCM_CAUSE_ASKED,
	GCM_CAUSE_URGENT
};
enum gcm_event_leave {
	GCM_LEAVE_QUIET,
	GCM_LEAVE_ASKED,
	GCM_LEAVE_DISABLED
};
enum gcm_phase {
	GCM_PHASE_IDLE,
	GCM_PHASE_BEGIN,
	GCM_PHASE_ARM,
	GCM_PHASE_STACKS,
	GCM_PHASE_MARK,
	GCM_PHASE_PRECLEAN,
	GCM_PHASE_FINISH,
	GCM_PHASE_SWEEP,
	GCM_PHASE_SNAPSHOT,
	GCM_PHASE_VERIFY
};

/* Is there a recording?  Set and cleared by event_file.c. */
extern GCM_HIDDEN _Atomic bool gcm_event_on;

static inline bool
gcm_event_is_on(void)
{
	return GCM_UNLIKELY(
	    atomic_load_explicit(&gcm_event_on, memory_order_relaxed));
}

/* GCM_NOTE(name, fields...): an event of event.def, its fields as numbers. */
#define GCM_NOTE(name, ...)                                                    \
	do {                                                                   \
		if (gcm_event_is_on()) {                                       \
			const uint64_t fields_[] = {0, ##__VA_ARGS__};         \
                                                                               \
			gcm_event_add(GCM_EVENT_##name, fields_ + 1,           \
			    sizeof(fields_) / sizeof(fields_[0]) - 1);         \
		}                                                              \
	} while (0)
void gcm_event_add(
    enum gcm_event_id id, const uint64_t *fields, unsigned int nfields);

/* The same for an event whose only field is a text; what is too long is cut. */
void gcm_event_add_text(enum gcm_event_id id, const char *text);

/* A thread begins; `name` NULL: as the kernel calls the calling one, and not if
 * it is the first, whose beginning is the recording's.
 */
void gcm_event_thread(const char *name);

/* The collector's thread is at another part of its work: remembered always,
 * and noted.
 */
void gcm_event_enter(enum gcm_phase phase);
enum gcm_phase gcm_event_phase(void);
const char *gcm_event_phase_name(enum gcm_phase phase);

/* The number of "pagemap", "fork" or "off"; NULL: none. */
uint64_t gcm_event_back_end(const char *name);

/* The recording
 * --------------------------------------------------------------- */

/* Begin one if the options say so.  The constructor. */
void gcm_event_begin(void);

/* The program ends, or another one takes its place (exec): what was noted goes
 * to the file.  Waits a moment for who writes there already.
 */
void gcm_event_end(void);
void gcm_event_before_exec(void);

/* In a forked child: it has a recording of its own from its next note on, if
 * that is possible.  Where this is not called (a raw clone), the next note
 * finds out.
 */
void gcm_event_forked(void);

/* No more, for good: a filter on system calls comes, or this is a process of
 * ours that must not write.  `flush`: what was noted goes to the file before.
 */
void gcm_event_silence(bool flush);

/* What is in memory goes to the file; `all`: what is in half-full buffers, too.
 * For the collector's thread, now and then; -EBUSY when somebody is at it.
 */
int gcm_event_flush(bool all);

/* Keep the ring's content aside, in the file's name with `why` behind it; with
 * no ring (GCM_DEBUG=flight) all goes to the file.  0 or -errno.  Any thread.
 */
int gcm_event_keep(const char *why);

/* The name of the file that gcm_event_keep has written. */
void gcm_event_add_name(struct gcm_text *text, const char *why);

/* A stop took so long: kept aside as ".pause" if GCM_DEBUG=flightpause says so
 * and it is the longest.  The collector's thread.
 */
void gcm_event_judge_pause(uint64_t ns);

#endif
