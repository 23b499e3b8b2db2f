/* os.h -- the kernel as a contract
 *
 * Everything the heap wants of the operating system.  os_linux.c keeps the
 * contract with raw system calls (no errno, no allocation, no lock of libc);
 * tests/unit/os_fake.c wraps it with scripted failures and a virtual clock.
 * Functions that can fail return 0 or -errno.  Any thread, any state.
 */
#ifndef GCM_CORE_OS_H
#define GCM_CORE_OS_H

#include "core/base.h"

/* Where the library itself is loaded, code to bss; false when it is a part of
 * the program, whose data cannot be told from ours.
 */
bool gcm_os_image(uintptr_t *lo, uintptr_t *hi);

/* Size of the kernel's pages in bytes: 4, 16 or 64 KiB. */
size_t gcm_os_page_size(void);

/* 64 random bits fit for placing the zone; costs no system call. */
uint64_t gcm_os_random(void);

/* Map [addr, addr+len) read-write, private, zero; never over anything that is
 * there already (-EEXIST).  `table` says the pages are ours, sparse: not
 * charged where the kernel allows that and without huge pages.
 */
int gcm_os_map_at(void *addr, size_t len, bool table);

/* The same for memory that is neither heap nor table; `shared` with children
 * that are made by clone without CLONE_VM.
 */
int gcm_os_map_own(void *addr, size_t len, bool shared);

/* Map len bytes anywhere; *out is set on success only. */
int gcm_os_map(void **out, size_t len);

/* Map one page that a forked child sees zeroed (MADV_WIPEONFORK). */
int gcm_os_map_wiped(void **out);

void gcm_os_unmap(void *addr, size_t len);

/* Give the pages back; they read as zero from now on. */
int gcm_os_release(void *addr, size_t len);

/* Back [addr, addr+len), whole huge pages of ours, by huge pages where the
 * system can (Linux 6.1); what is in them stays.  GCM_OS_HUGE is their size.
 */
enum {
	GCM_OS_HUGE = 2 << 20
};
int gcm_os_collapse(void *addr, size_t len);

/* Replace [addr, addr+len), which is ours, by fresh zero pages. */
int gcm_os_renew(void *addr, size_t len);

/* Move the pages at [from, from+len) over those at [to, to+len); both are
 * ours.  `from` reads as zero afterwards.  On failure `from` is as it
 * was, but `to` may be unmapped.
 */
int gcm_os_move(void *from, void *to, size_t len);

/* Take away, or give back, all access to [addr, addr+len), which is ours.  What
 * was in it may be lost.
 */
int gcm_os_protect(void *addr, size_t len, bool hidden);

/* Make any access to [addr, addr+len), which is ours, fault, at no cost in
 * mappings (Linux 6.13), or undo that.  The pages read as zero afterwards.
 */
int gcm_os_guard(void *addr, size_t len, bool on);

/* Name a range for /proc/PID/maps; failure does not matter. */
void gcm_os_name(void *addr, size_t len, const char *name);

/* Monotonic time. */
uint64_t gcm_os_now_ns(void);

/* CPU time the calling thread has used. */
uint64_t gcm_os_thread_cpu_ns(void);

/* Sleep while *word == seen, at most timeout_ns (0: for ever). */
void gcm_os_wait(_Atomic uint32_t *word, uint32_t seen, uint64_t timeout_ns);
void gcm_os_wake(_Atomic uint32_t *word, uint32_t nwaiters);

/* Start a thread of our own: no TLS of its own, all signals blocked, so that
 * it may only call what never touches errno or the thread cache.  *alive is
 * the thread's id (1 for the moment before it is known), and becomes 0 (and is
 * woken) once the kernel has done with its stack.
 */
int gcm_os_thread_start(void (*entry)(void *), void *arg, void *stack,
    size_t len, _Atomic uint32_t *alive);

/* Write a whole line to fd, retrying short writes; returns 0 or -errno. */
int gcm_os_write(int fd, const char *text, size_t len);

/* Is it what lines are written to: a terminal, a pipe, a file that is open for
 * appending?  And no socket, no file with a content of its own.
 */
bool gcm_os_is_for_lines(int fd);

/* Device and inode of an open descriptor. */
int gcm_os_identity(int fd, uint64_t *dev, uint64_t *ino);

/* Open for appending, creating it; the descriptor or -errno. */
int gcm_os_open_log(const char *path);
void gcm_os_close(int fd);

/* In a thread with a table of descriptors of its own: the program's fd, in this
 * table, or -errno.
 */
int gcm_os_open_program(int fd);

/* Wait, at most timeout_ns, until a line can be written without waiting. */
bool gcm_os_await_write(int fd, uint64_t timeout_ns);

/* The first len bytes of a file: how many there are, or -errno. */
long gcm_os_read_file(const char *path, char *bytes, size_t len);

/* CPUs that this process may run on, at least 1. */
uint32_t gcm_os_cpus(void);

/* Memory of the machine in bytes; UINT64_MAX when it cannot be told. */
uint64_t gcm_os_memory(void);

int gcm_os_pid(void);
int gcm_os_parent(void);
int gcm_os_tid(void);

/* What the kernel calls the calling thread. */
enum {
	GCM_OS_NAME_BYTES = 16
};
void gcm_os_thread_name(char name[GCM_OS_NAME_BYTES]);

/* The program's file, as a string; empty when it cannot be told. */
void gcm_os_program(char *path, size_t len);

/* Wall clock, in ns since 1970. */
uint64_t gcm_os_realtime_ns(void);

/* `path` from the root, as a string: it may be from the current folder.  False
 * when it is too long or that cannot be told.
 */
bool gcm_os_absolute(const char *path, char *out, size_t len);

/* Append to a file by one write, creating it; `anew`: what was in it goes.  No
 * descriptor is left, no signal comes of it, and none is handled meanwhile.  0
 * or -errno.
 */
int gcm_os_append(const char *path, const void *bytes, size_t len, bool anew);

/* Put a new file, len zero bytes, at [addr, addr+len), which is ours; what is
 * stored there is in the file whatever becomes of the process.  Its blocks are
 * allocated.  It is called `path` with ".new" behind it until gcm_os_name_ring,
 * which gives it its name: a file that has that, a regular one, is replaced,
 * not changed, as somebody may have it mapped.  0, or -errno and there is no
 * such file.
 */
int gcm_os_map_ring(void *addr, size_t len, const char *path);
int gcm_os_name_ring(const char *path);

/* Resident set of this process in bytes; 0 when it cannot be told. */
size_t gcm_os_resident(void);

/* Does a load of the eight bytes at addr work?  The answer may be a moment
 * old.
 */
bool gcm_os_can_read(const void *addr);

/* From now on without calls that are a help but no need: gcm_os_release fails,
 * ranges keep their names and huge pages.  Only mmap, munmap, mremap and, when
 * threads wait for each other, futex are left.
 */
void gcm_os_confine(void);

/* Die by SIGABRT as abort() does; gcm_os_trap dies at once. */
_Noreturn void gcm_os_abort(void);
_Noreturn void gcm_os_trap(void);

#endif
