/* stop.h -- stopping and resuming the world */
#ifndef GCM_SCAN_STOP_H
#define GCM_SCAN_STOP_H

#include "core/core.h"

struct gcm_thread;

/* A stopped thread. */
struct gcm_stopped {
	struct gcm_thread *thread; /* its record, or NULL; the stopper */
	_Atomic uint32_t tid;
	_Atomic uint32_t state;    /* enum gcm_stop_state in stop.c */
	_Atomic uintptr_t sp;      /* lowest address of its own */
	_Atomic uintptr_t frame;   /* of the signal's frame; 0: blocked-safe */
	_Atomic uintptr_t context; /* ucontext_t of the handler; 0: none */
};

/* Choose the signal: what GCM_SIGNAL names, or one.  The constructor. */
int gcm_stop_init(void);

/* Install the handler, when it is first needed, and open the list of threads.
 * The collector's thread.  0 or -errno: nothing is collected then.
 */
int gcm_stop_open(void);
void gcm_stop_close(void);

/* Is it our handler?  The program sees SIG_DFL instead. */
bool gcm_stop_is_handler(uintptr_t handler);

/* The signal in use; 0 before gcm_stop_init.  The program is about to use it
 * itself: gcm_stop_move takes another one.
 */
int gcm_stop_signal(void);
int gcm_stop_move(void);

/* Stop all threads of the program; 0, -ETIMEDOUT when one did not answer by the
 * deadline, or another -errno: nobody is stopped then.  The collector's thread.
 */
int gcm_stop_world(uint64_t deadline_ns);
void gcm_stop_resume(void);

/* Entries to look at, and the stopped thread of one, or NULL. */
size_t gcm_stop_count(void);
const struct gcm_stopped *gcm_stop_at(size_t i);

/* A thread of ours: never stopped, never looked at. */
void gcm_stop_exempt(uint32_t tid, bool on);

/* Is the world stopped, or about to be?  Futex word: waits while odd. */
extern GCM_HIDDEN _Atomic uint32_t gcm_stop_word;
void gcm_stop_wait(void);

/* In a forked child. */
void gcm_stop_reset(void);

#endif
