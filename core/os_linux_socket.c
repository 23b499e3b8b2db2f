/* os_linux_socket.c -- os_socket.h on Linux: sockets, and waiting for them
 *
 * MODEL   For the collector's thread, in its own table of descriptors.  Sockets
 *         have names in the abstract namespace, which is the network
 *         namespace's: no file is left behind, and the name is free again when
 *         the last descriptor is closed.
 *
 *         A thread that waits for sockets hears no futex.  It is roused by a
 *         signal that only the wait itself lets in, so that one sent a moment
 *         before is not lost: .inv.rouse in core/serve.c.
 */
#include "core/os_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>

#include "core/arch.h"

#define SYSCALL(nr, a, b, c, d, e, f)                                          \
	gcm_arch_syscall((nr), (long)(a), (long)(b), (long)(c), (long)(d),     \
	    (long)(e), (long)(f))

enum {
	BACKLOG = 16
};
#define SECOND_NS 1000000000u

_Static_assert(sizeof(struct gcm_os_poll) == sizeof(struct pollfd) &&
		   GCM_OS_IN == POLLIN && GCM_OS_OUT == POLLOUT,
    "the kernel's struct");

uint64_t
gcm_os_pid_space(void)
{
	struct stat info;

	return SYSCALL(SYS_newfstatat, AT_FDCWD, "/proc/self/ns/pid", &info, 0,
		   0, 0) == 0
		   ? info.st_ino
		   : 0;
}

int
gcm_os_listen(const char *name, size_t len)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	long fd, error;

	if (len + 1 > sizeof(address.sun_path))
		return -EINVAL;
	memcpy(address.sun_path + 1, name, len);
	fd = SYSCALL(SYS_socket, AF_UNIX,
	    SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, 0, 0, 0);
	if (fd < 0)
		return (int)fd;
	error = SYSCALL(SYS_bind, fd, &address,
	    offsetof(struct sockaddr_un, sun_path) + 1 + len, 0, 0, 0);
	if (error == 0)
		error = SYSCALL(SYS_listen, fd, BACKLOG, 0, 0, 0, 0);
	if (error == 0)
		return (int)fd;
	gcm_os_close((int)fd);
	return (int)error;
}

int
gcm_os_accept(int listener, uint32_t *uid)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);
	long fd = SYSCALL(
	    SYS_accept4, listener, 0, 0, SOCK_CLOEXEC | SOCK_NONBLOCK, 0, 0);
	long error;

	if (fd < 0)
		return (int)fd;
	error = SYSCALL(
	    SYS_getsockopt, fd, SOL_SOCKET, SO_PEERCRED, &peer, &len, 0);
	if (error == 0) {
		*uid = peer.uid;
		return (int)fd;
	}
	gcm_os_close((int)fd);
	return (int)error;
}

long
gcm_os_receive(int fd, char *bytes, size_t len)
{
	return SYSCALL(SYS_recvfrom, fd, bytes, len, MSG_DONTWAIT, 0, 0);
}

long
gcm_os_send(int fd, const char *bytes, size_t len)
{
	return SYSCALL(
	    SYS_sendto, fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL, 0, 0);
}

uint32_t
gcm_os_user(void)
{
	return (uint32_t)SYSCALL(SYS_geteuid, 0, 0, 0, 0, 0, 0);
}

long
gcm_os_poll(struct gcm_os_poll *list, size_t n, uint64_t timeout_ns, int number)
{
	struct timespec span = {
	    (time_t)(timeout_ns / SECOND_NS), (long)(timeout_ns % SECOND_NS)};
	uint64_t mask = ~(uint64_t)0;

	if (number != 0)
		mask &= ~((uint64_t)1 << (number - 1));
	return SYSCALL(SYS_ppoll, list, n, &span, &mask, sizeof(mask), 0);
}

void
gcm_os_rouse(
    _Atomic uint32_t *asleep, int pid, _Atomic uint32_t *tid, int number)
{
	uint64_t all = ~(uint64_t)0, before;
	uint32_t seen = GCM_OS_ASLEEP;

	(void)SYSCALL(SYS_rt_sigprocmask, SIG_BLOCK, &all, &before, 8, 0, 0);
	if (atomic_compare_exchange_strong(asleep, &seen, GCM_OS_ROUSED))
		atomic_store(asleep, SYSCALL(SYS_tgkill, pid, atomic_load(tid),
					 number, 0, 0, 0) == 0
					 ? GCM_OS_AWAKE
					 : GCM_OS_ASLEEP);
	(void)SYSCALL(SYS_rt_sigprocmask, SIG_SETMASK, &before, 0, 8, 0, 0);
}
