/* flight_call.c -- what syscall() gives to the kernel, and gets from it
 *
 * MODEL   Programs and libraries call by number what their libc has no name
 *         for, or had none.  The same is done for those calls as by the
 *         wrappers of their names: addresses in messages, in signals, and left
 *         in sets and timers.
 */
#include <errno.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/syscall.h>

#include "preload/flight.h"
#include "preload/preload.h"
#include "preload/ring.h"

static void
leave_value(const siginfo_t *info)
{
	if (gcm_stop_signal() != 0 && gcm_os_can_read(&info->si_value))
		gcm_flight_leave_word((uintptr_t)info->si_value.sival_ptr);
}

static void
leave_event(const struct sigevent *event)
{
	if (event != NULL && gcm_stop_signal() != 0 &&
	    gcm_os_can_read(&event->sigev_value))
		gcm_flight_leave_word((uintptr_t)event->sigev_value.sival_ptr);
}

/* What stays in the kernel. */
static void
expect_left(long number, const long *arg)
{
	switch (number) {
	case SYS_epoll_ctl:
		gcm_kernel_expect_epoll((int)arg[0], (int)arg[1],
		    (const struct epoll_event *)arg[3]);
		break;
	case SYS_timer_create:
		gcm_kernel_expect_timer((const struct sigevent *)arg[1]);
		break;
	case SYS_mq_notify:
		leave_event((const struct sigevent *)arg[1]);
		break;
	case SYS_rt_sigqueueinfo:
		leave_value((const siginfo_t *)arg[2]);
		break;
	case SYS_rt_tgsigqueueinfo:
		leave_value((const siginfo_t *)arg[3]);
		break;
	case SYS_io_submit:
		gcm_flight_order((struct iocb *const *)arg[2], arg[1]);
		break;
	case SYS_io_uring_enter:
		if (gcm_ring_is_used())
			gcm_ring_before_enter(arg);
		break;
	default:
		break;
	}
}

size_t
gcm_flight_before_call(long number, const long *arg)
{
	const void *data = (const void *)arg[1];
	size_t size = (size_t)arg[2];

	switch (number) {
	case SYS_write:
	case SYS_sendto:
	case SYS_mq_timedsend:
		return gcm_flight_before(data, size);
	case SYS_msgsnd:
		return gcm_flight_before((const long *)data + 1, size);
	case SYS_writev:
		return gcm_flight_before_parts(data, size, 0);
	case SYS_vmsplice:
		return gcm_flight_before_parts(data, size, MSG_ZEROCOPY);
	case SYS_sendmsg:
		return gcm_flight_before_message(data, (int)arg[2]);
	case SYS_sendmmsg:
		return gcm_flight_before_messages(
		    data, (unsigned int)arg[2], (int)arg[3]);
	default:
		expect_left(number, arg);
		return 0;
	}
}

static void
note_sent(long number, const long *arg, long result, size_t noted)
{
	const void *data = (const void *)arg[1];
	size_t size = (size_t)arg[2];

	switch (number) {
	case SYS_sendto:
		gcm_flight_lent(data, result, (int)arg[3]);
		gcm_flight_sent(data, size, result, noted != 0);
		break;
	case SYS_write:
		gcm_flight_sent(data, size, result, noted != 0);
		break;
	case SYS_mq_timedsend:
		gcm_flight_sent(
		    data, size, result == 0 ? (ssize_t)size : -1, noted != 0);
		break;
	case SYS_msgsnd:
		gcm_flight_sent((const long *)data + 1, size,
		    result == 0 ? (ssize_t)size : -1, noted != 0);
		break;
	case SYS_writev:
		gcm_flight_sent_parts(data, size, result, noted);
		break;
	case SYS_sendmsg:
		gcm_flight_sent_message(data, result, noted);
		break;
	case SYS_sendmmsg:
		gcm_flight_sent_messages(
		    data, (unsigned int)arg[2], (int)result, noted);
		break;
	default:
		break;
	}
}

/* Of a call that has got something. */
static void
note_received(long number, const long *arg, long result)
{
	const struct msghdr *message = (const struct msghdr *)arg[1];

	switch (number) {
	case SYS_read:
	case SYS_mq_timedreceive:
		gcm_flight_received((const void *)arg[1], result);
		break;
	case SYS_recvfrom:
		if ((arg[3] & MSG_PEEK) == 0)
			gcm_flight_received((const void *)arg[1], result);
		break;
	case SYS_msgrcv:
		gcm_flight_received((const long *)arg[1] + 1, result);
		break;
	case SYS_readv:
		gcm_flight_received_parts(
		    (const struct iovec *)arg[1], (size_t)arg[2], result);
		break;
	case SYS_recvmsg:
		if ((arg[2] & MSG_PEEK) == 0)
			gcm_flight_received_parts(
			    message->msg_iov, message->msg_iovlen, result);
		break;
	case SYS_recvmmsg:
		gcm_flight_received_messages(
		    (struct mmsghdr *)arg[1], (int)result, (int)arg[3]);
		break;
	case SYS_io_getevents:
	case SYS_io_pgetevents:
		gcm_flight_fetch((const struct io_event *)arg[3], result);
		break;
	case SYS_io_uring_setup:
		gcm_ring_note_setup(
		    result, (const struct io_uring_params *)arg[1]);
		break;
	default:
		break;
	}
}

void
gcm_flight_after_call(long number, const long *arg, long result, size_t noted)
{
	if (number == SYS_io_uring_enter && gcm_ring_is_used())
		gcm_ring_after_enter(arg);
	else if (noted != 0)
		note_sent(number, arg, result, noted);
	if (result >= 0)
		note_received(number, arg, result);
}
