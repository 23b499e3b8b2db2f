/* os_socket.h -- the kernel as a contract: sockets, and waiting for them
 *
 * For the collector's thread, which has a table of descriptors of its own.
 * Otherwise as core/os.h; tests/unit/os_fake_socket.c is the fake.
 */
#ifndef GCM_CORE_OS_SOCKET_H
#define GCM_CORE_OS_SOCKET_H

#include "core/os.h"

/* The inode of the pid namespace; 0 when it cannot be told. */
uint64_t gcm_os_pid_space(void);

/* The effective user. */
uint32_t gcm_os_user(void);

/* A listening stream socket of that name in the abstract namespace; the
 * descriptor or -errno.  Nothing here waits.
 */
int gcm_os_listen(const char *name, size_t len);

/* The next connection and whose it is, or -errno: -EAGAIN when there is none.
 */
int gcm_os_accept(int listener, uint32_t *uid);

/* Bytes received (0: the other side has closed) or sent, or -errno; no SIGPIPE.
 */
long gcm_os_receive(int fd, char *bytes, size_t len);
long gcm_os_send(int fd, const char *bytes, size_t len);

/* Wait at most timeout_ns until one of the list is ready, or until the signal
 * `number` (0: none), which is let in for that time only, has been handled:
 * -EINTR.
 */
enum {
	GCM_OS_IN = 1,
	GCM_OS_OUT = 4
};
struct gcm_os_poll {
	int fd;
	short wanted, ready;
};
long gcm_os_poll(
    struct gcm_os_poll *list, size_t n, uint64_t timeout_ns, int number);

/* The thread *tid of ours says in *asleep that it waits, or is about to, in
 * gcm_os_poll: have that end, by the signal, and be the only one to do so.
 * *asleep is ROUSED until the signal is sent; no handler of the program's runs
 * meanwhile.
 */
enum {
	GCM_OS_AWAKE,
	GCM_OS_ASLEEP,
	GCM_OS_ROUSED
};
void gcm_os_rouse(
    _Atomic uint32_t *asleep, int pid, _Atomic uint32_t *tid, int number);

#endif
