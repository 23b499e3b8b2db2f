/* kernel.c -- values that the program leaves with the kernel
 *
 * MODEL   What epoll_ctl and timer_create are given may be the only copy of an
 *         address: it is noted before the call (scan/kernel.c).
 */
#include <errno.h>
#include <signal.h>
#include <sys/epoll.h>
#include <time.h>

#include "core/core.h"
#include "preload/next.h"
#include "preload/preload.h"
#include "scan/scan.h"

/* A bad pointer is the kernel's to refuse. */
void
gcm_kernel_expect_epoll(int epfd, int op, const struct epoll_event *event)
{
	if (event != NULL && op != EPOLL_CTL_DEL && gcm_stop_signal() != 0 &&
	    gcm_os_can_read(&event->data))
		gcm_kernel_note_epoll(epfd, event->data.u64);
}

void
gcm_kernel_expect_timer(const struct sigevent *event)
{
	if (event != NULL && gcm_stop_signal() != 0 &&
	    gcm_os_can_read(&event->sigev_value))
		gcm_kernel_note_timer(
		    (uint64_t)(uintptr_t)event->sigev_value.sival_ptr);
}

GCM_EXPORT int
epoll_ctl(int epfd, int op, int fd, struct epoll_event *event)
{
	__typeof__(&epoll_ctl) next = GCM_NEXT(epoll_ctl);

	gcm_kernel_expect_epoll(epfd, op, event);
	return next(epfd, op, fd, event);
}

GCM_EXPORT int
timer_create(clockid_t clock, struct sigevent *event, timer_t *timer)
{
	__typeof__(&timer_create) next = GCM_NEXT(timer_create);

	if (next == NULL) {
		errno = ENOSYS;
		return -1;
	}
	gcm_kernel_expect_timer(event);
	return next(clock, event, timer);
}
