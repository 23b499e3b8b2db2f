/* os_fake.h -- core/os.h for tests: a kernel that does as it is told
 *
 * Memory is real, at real addresses, for the zone is arithmetic on addresses;
 * every range is checked to be ours and whole kernel pages.  Any call that may
 * fail can be made to.  What is written is kept, abort and trap come back to
 * the test, the clock moves when somebody waits.
 */
#ifndef GCM_TESTS_OS_FAKE_H
#define GCM_TESTS_OS_FAKE_H

#include <setjmp.h>

#include "core/os.h"

enum os_fake_call {
	OS_MAP_AT,
	OS_MAP, /* and gcm_os_map_own */
	OS_MAP_WIPED,
	OS_RELEASE,
	OS_RENEW,
	OS_MOVE,
	OS_PROTECT,
	OS_GUARD,
	OS_THREAD,
	OS_WRITE,
	OS_IDENTITY,
	OS_OPEN_LOG,
	OS_OPEN_PROGRAM,
	OS_READ_FILE,
	OS_LISTEN,
	OS_ACCEPT,
	OS_POLL,
	OS_APPEND,
	OS_MAP_RING,
	OS_ANY, /* each of the above */
	OS_UNMAP,
	OS_NAME,
	OS_AWAIT_WRITE,
	OS_WAIT,
	OS_WAKE,
	OS_NCALLS
};

/* From now on the calls of this kind numbered nth, nth + 1, ... (from 0) fail
 * with -error, ntimes of them.  One plan a kind; ntimes 0 ends it.
 */
void os_fake_fail(
    enum os_fake_call call, uint64_t nth, uint64_t ntimes, int error);

/* Calls of this kind so far, and calls that were made to fail. */
uint64_t os_fake_count(enum os_fake_call call);
uint64_t os_fake_failures(void);

/* Is [lo, hi) mapped, as one range of ours? */
bool os_fake_range_has(uintptr_t lo, uintptr_t hi);

/* What is mapped now, and the most that may be: then -ENOMEM. */
size_t os_fake_mapped(void);
void os_fake_limit(size_t bytes);

/* What the system is like: a test may change these before it uses the heap. */
struct os_fake {
	size_t page_size;       /* 4096 */
	uint64_t random;        /* seed of gcm_os_random */
	uint64_t dev, ino;      /* of descriptor 2 */
	bool socket;            /* is descriptor 2 one? */
	bool apart;             /* descriptor 2 is another thread's */
	bool full;              /* nobody reads what is written */
	uint32_t cpus;          /* 2 */
	uint64_t memory;        /* 8 GiB */
	int pid;                /* 4711 */
	int tid;                /* of the calling thread; 0: the real one */
	void (*on_clock)(void); /* called in each look at the clock */
	bool confined;          /* by gcm_os_confine */
	uintptr_t image_lo;     /* where the library seems to be loaded */
	uintptr_t image_hi;
	uint32_t user;       /* 1000 */
	uint64_t now_ns;     /* the clock, unless threads are real */
	uint64_t cpu_ns;     /* what each look at the CPU clock adds */
	unsigned int faster; /* real threads: how much faster waits are over */
	/* Called in each wait with a timeout, before the clock moves. */
	void (*on_wait)(_Atomic uint32_t *word, uint64_t timeout_ns);
	/* Called at the start of each call that is counted. */
	void (*on_call)(enum os_fake_call call);
};
extern struct os_fake os_fake;

/* A file that can be read; a NULL text takes it away. */
void os_fake_put_file(const char *path, const char *text);

/* Forget failures, texts and counters, not memory. */
void os_fake_reset(void);

/* Threads of ours.  Scripted (the default): a started one is remembered, and
 * run to its end by os_fake_run_thread or when somebody waits.  Mute: it is
 * there but does nothing, until os_fake_end_thread.  Real: a pthread.
 */
enum os_fake_threads {
	OS_THREADS_SCRIPTED,
	OS_THREADS_MUTE,
	OS_THREADS_REAL
};
void os_fake_threads(enum os_fake_threads how);
bool os_fake_has_thread(void); /* started, not ended; not for real ones */
void os_fake_run_thread(void);
void os_fake_end_thread(void);

/* Written to descriptor 2, to the log; the log's path ("" if never opened). */
const char *os_fake_stderr(void);
const char *os_fake_log(void);
const char *os_fake_log_path(void);
int os_fake_logs_open(void); /* descriptors of ours not closed yet */

/* Clients of the one listener: a number each, from 0.  What a client says is
 * there at once; what it is told is kept, as far as there is room.
 */
enum {
	OS_FAKE_CLIENTS = 32
};
int os_fake_connect(uint32_t uid);
void os_fake_say(int client, const char *bytes);
void os_fake_hang_up(int client);
void os_fake_say_no_more(int client);        /* it still listens */
void os_fake_room(int client, size_t bytes); /* more, for what it is told */
const char *os_fake_told(int client);
bool os_fake_dropped(int client); /* the connection was closed */
bool os_fake_waiting(int client); /* it has not been accepted */
bool os_fake_is_listening(void);
const char *os_fake_channel(void); /* the listener's name */
/* The trace's file: its bytes, its path, and whether the calling thread is the
 * collector's (real threads are not told apart).
 */
const unsigned char *os_fake_trace(size_t *len);
const char *os_fake_trace_path(void);
void os_fake_forget_trace(void);

/* What a child sees after fork: wiped pages read as zero, no thread. */
void os_fake_wipe(void);

/* Run a statement and see how it ended: */
enum os_fake_end {
	OS_RETURNED,
	OS_ABORTED,
	OS_TRAPPED
};
extern _Thread_local enum os_fake_end os_fake_ended;
extern _Thread_local bool os_fake_armed;
extern _Thread_local sigjmp_buf os_fake_point;

#define OS_FAKE_RUN(statement)                                                 \
	do {                                                                   \
		os_fake_ended = OS_RETURNED;                                   \
		os_fake_armed = true;                                          \
		if (sigsetjmp(os_fake_point, 0) == 0) {                        \
			statement;                                             \
		}                                                              \
		os_fake_armed = false;                                         \
	} while (0)

#endif
