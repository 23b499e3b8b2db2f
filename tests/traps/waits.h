/* waits.h -- every call that waits, as a row of a table */
#ifndef GCM_TESTS_WAITS_H
#define GCM_TESTS_WAITS_H

#include <mqueue.h>
#include <semaphore.h>

#include "tests/traps/both.h"

/* What a row waits for, and so what ends the wait when it has no timeout. */
enum wait_kind {
	NOTHING, /* a signal of the program's */
	TIME,
	PIPE,
	FULL_PIPE,
	PAIR,
	FULL_PAIR,
	LISTENER,
	LINGERING,
	SEMAPHORE,
	SYSV,
	QUEUE,
	FULL_QUEUE,
	CHILD,
	LOCK,
	FIFO,
	FUTEX
};

struct rig {
	enum wait_kind kind;
	int ends[2], epoll, other, full;
	int queue, set;
	sem_t sem;
	mqd_t mq;
	pid_t child;
	int word;
	unsigned long ring; /* of orders to the kernel */
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	pthread_t sleeper; /* ends with the rig */
	volatile bool released;
};

struct wait_row {
	const char *name;
	enum wait_kind kind;
	int group; /* of rows that one process can have at a time */
	bool timed;
	int (*wait)(struct rig *r, int ms); /* 0: it was over; or errno */
};

extern const struct wait_row wait_rows[];
extern const size_t nwait_rows;

/* False: there is no such thing here. */
bool rig_open(struct rig *r, enum wait_kind kind, int ms);
void rig_release(struct rig *r, pthread_t waiter);
void rig_close(struct rig *r);

#endif
