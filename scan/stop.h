/* stop.h -- stopping and resuming the world */
#ifndef GCM_SCAN_STOP_H
#define GCM_SCAN_STOP_H

#include <signal.h>

#include "core/core.h"

struct gcm_thread;

/* What a stopped thread says of itself. */
struct gcm_stop_answer {
	uintptr_t sp; /* lowest address of its own */
	uintptr_t
	    frame;    /* of the signal's handler, on whatever stack; 0: none */
	uintptr_t tp; /* its thread pointer */
	uintptr_t alternate; /* its alternate signal stack, if it told us */
};

/* An entry of the stopper's table. */
struct gcm_stopped {
	struct gcm_thread *thread; /* its record, or NULL; the stopper */
	_Atomic uint32_t tid;      /* the stopper; read by handlers */
	_Atomic uint32_t state;    /* the stopper */
	_Atomic uintptr_t answer;  /* the word of the stop that wants one, then
				      the thread's struct gcm_stop_answer */
	uintptr_t sp;              /* BLOCKED; the stopper */
	_Atomic uint64_t at_ns;    /* when it answered; its handler, while
				      there is a recording */
};

/* Choose the signal: what GCM_SIGNAL names, or one.  The constructor. */
int gcm_stop_init(void);

/* Install the handler, when it is first needed, and open the list of threads.
 * The collector's thread.  0 or -errno: nothing is collected then.
 */
int gcm_stop_open(void);
void gcm_stop_close(void);

/* Is our handler there now?  A raw system call may have put another one. */
bool gcm_stop_is_installed(void);

/* Install the handler, once; the handler itself.  stop_signal.c, stop.c. */
int gcm_stop_listen(void);
void gcm_stop_handle(int number, siginfo_t *info, void *context);

/* Is there a handler that the program did not install through us?  It might run
 * in a thread that we take for stopped.
 */
bool gcm_stop_has_stranger(void);

/* In a forked child: the handler may not be there. */
void gcm_stop_forget_signal(void);

/* Is it our handler?  The program sees SIG_DFL instead. */
bool gcm_stop_is_handler(uintptr_t handler);

/* The signal in use; 0 before gcm_stop_init.  The program is about to use it
 * itself: gcm_stop_move takes another one.
 */
int gcm_stop_signal(void);
int gcm_stop_move(void);

/* No signal any more, for good: nothing of the collector's runs on the
 * program's threads from now on, and no record is made of one.  Before a filter
 * on system calls.
 */
void gcm_stop_disable(void);

/* The handler runs on the stack of its thread from now on, never on an
 * alternate one: two threads have the same.  Async-signal-safe.
 */
void gcm_stop_leave_alternate(void);

/* From now on a process that is no thread of ours shares the memory: it cannot
 * be stopped, and gcm_stop_world fails with -EXDEV.
 */
void gcm_stop_note_process(void);

/* A thread of ours? */
bool gcm_stop_is_exempt(uint32_t tid);

/* Stop all threads of the program; 0, -ETIMEDOUT when one did not answer by the
 * deadline, -EDEADLK when it has our signal blocked, or another -errno: nobody
 * is stopped then.  The collector's thread.
 */
int gcm_stop_world(uint64_t deadline_ns);
void gcm_stop_resume(void);

/* Would that fail because of a thread that has been silent before and has our
 * signal blocked?  Nobody is stopped.  The collector's thread.
 */
bool gcm_stop_is_hopeless(void);
/* Note how long each thread took to answer the stop that began at began_ns, and
 * has ended.
 */
void gcm_stop_note_answers(uint64_t began_ns);

/* Entries to look at; what a stopped thread said, false where there is none. */
size_t gcm_stop_count(void);
bool gcm_stop_at(size_t i, struct gcm_stop_answer *said);

/* A thread of ours: never stopped, never looked at. */
void gcm_stop_exempt(uint32_t tid, bool on);

/* Is the world stopped, or about to be?  Futex word: waits while odd.  In a
 * child that was born meanwhile it stays odd until gcm_stop_reset; nobody waits
 * there.
 */
extern GCM_HIDDEN _Atomic uint32_t gcm_stop_word;
void gcm_stop_wait(void);

/* In a forked child. */
void gcm_stop_reset(void);

#endif
