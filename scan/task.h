/* task.h -- the kernel's list of our threads, /proc/self/task */
#ifndef GCM_SCAN_TASK_H
#define GCM_SCAN_TASK_H

#include "core/core.h"

/* What getdents64 gives of a directory in /proc (struct linux_dirent64), and
 * the number that a name is; 0 where it is none.
 */
struct gcm_task_entry {
	uint64_t inode, offset;
	uint16_t len;
	uint8_t type;
	char name[];
};
uint32_t gcm_task_parse_id(const char *name);

/* Open the list in the calling thread's table of descriptors; 0 or -errno. */
int gcm_task_open(void);
void gcm_task_close(void);

/* In a forked child: no descriptor of ours is there. */
void gcm_task_forget(void);

/* Visit the ids of all threads of the process, ours among them; 0, -errno, or
 * what a visit returned that was not 0.
 */
int gcm_task_visit(int (*visit)(uint32_t tid, void *arg), void *arg);

/* What the kernel says of one. */
enum gcm_task_kind {
	GCM_TASK_GONE,   /* not there, or a zombie: touches nothing any more */
	GCM_TASK_WORKER, /* the kernel's own (io_uring, vhost): never answers */
	GCM_TASK_THREAD
};
enum gcm_task_kind gcm_task_kind(uint32_t tid);

/* More of what the kernel says; false: nothing, it has ended.  Not during a
 * visit.
 */
struct gcm_task_status {
	char state;       /* R, S, D... */
	uint64_t blocked; /* signals, the first is bit 0 */
};
bool gcm_task_read_status(uint32_t tid, struct gcm_task_status *status);

#endif
