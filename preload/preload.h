/* preload.h -- what the files of preload/ share */
#ifndef GCM_PRELOAD_PRELOAD_H
#define GCM_PRELOAD_PRELOAD_H

#include "core/core.h"

/* The call that follows is made by a jump. */
#if __has_attribute(musttail)
#define GCM_TAIL __attribute__((musttail))
#define GCM_TAIL_FUNCTION
#else
#define GCM_TAIL
#define GCM_TAIL_FUNCTION __attribute__((optimize("O2")))
#endif

/* Our malloc, whichever one the symbol `malloc` means in this process. */
extern GCM_HIDDEN void *gcm_own_malloc(size_t size);

/* Pointers outside the zone: blocks of those behind us go to them, anything
 * else is reported as misuse of `call`.
 */
void gcm_foreign_free(void *block, const char *call);
void *gcm_foreign_realloc(void *block, size_t size);
size_t gcm_foreign_usable(void *block);

/* Look up who is behind us.  Once, by whoever needs it first. */
void gcm_foreign_init(void);

/* Is our malloc the one that the process uses? */
bool gcm_foreign_is_first(void);

/* From now on blocks may come from another glibc in this process. */
void gcm_foreign_expect(void);

/* Before an ioctl.  Any thread; a handler, too; errno is kept.  If it returns
 * HEARS and the call succeeds, gcm_faults_hear follows.
 */
enum gcm_faults {
	GCM_FAULTS_NONE,
	GCM_FAULTS_HEARS /* of forks */
};
enum gcm_faults gcm_faults_expect(unsigned long request, uintptr_t arg);
void gcm_faults_hear(void);

/* Before epoll_ctl and timer_create. */
struct epoll_event;
struct sigevent;
void gcm_kernel_expect_epoll(int epfd, int op, const struct epoll_event *event);
void gcm_kernel_expect_timer(const struct sigevent *event);

/* Arrange that threads give up their cache when they end. */
void gcm_thread_init(void);

/* The first thread's stack is known by it.  The constructor. */
void gcm_stacks_init(void);

#endif
