/* handlers.c -- handlers and masks are what the program set
 *
 * Every handler is entered through the library, and the collector's signal
 * (OURS here) stays open in all masks.  The program sees neither.
 *
 * RED     B3: with gcm_signal_open of preload/signal.c leaving sets alone
 *         "stays-open" printed "not so: true_mask() != 0 && (true_mask() &
 *         bit) == 0".
 *         B25: without lent_hides in gcm_thread_reset (scan/thread.c)
 *         "cloned-masks" printed "not so: kit_wait(pid) == 0".
 *         B4: without give_up_signal there "takes-ours" printed "not so:
 *         old.sa_handler == SIG_DFL", and "waits-for-ours" was still running
 *         at the deadline.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/stress/kit.h"

enum {
	OURS = 50
};

static _Atomic bool done;

static void *
make_garbage(void *arg)
{
	(void)arg;
	while (!done) {
		for (int i = 0; i < 100; i++)
			*(volatile char *)malloc((size_t)i * 8 + 8) = 1;
		kit_sleep(0.001);
	}
	return NULL;
}

static _Atomic int nhandled, last_sig, last_value;

static void
count(int sig)
{
	last_sig = sig;
	nhandled++;
}

static void
count_info(int sig, siginfo_t *info, void *context)
{
	KIT_CHECK(info->si_signo == sig && context != NULL);
	last_value = info->si_value.sival_int;
	nhandled++;
}

/* Actions ----------------------------------------------------------------- */

static bool
is_same(const struct sigaction *a, const struct sigaction *b)
{
	return a->sa_handler == b->sa_handler &&
	       (a->sa_flags & ~0x04000000) == (b->sa_flags & ~0x04000000) &&
	       memcmp(&a->sa_mask, &b->sa_mask, 8) == 0;
}

static void
old_actions(void)
{
	struct sigaction first = {.sa_handler = count}, old;
	struct sigaction second = {.sa_sigaction = count_info};
	struct sigaction plain = {.sa_handler = SIG_DFL};

	sigfillset(&first.sa_mask);
	sigdelset(&first.sa_mask, 32); /* libc keeps those two */
	sigdelset(&first.sa_mask, 33);
	sigdelset(&first.sa_mask, SIGKILL);
	sigdelset(&first.sa_mask, SIGSTOP);
	first.sa_flags = SA_RESTART | SA_NODEFER;
	sigemptyset(&second.sa_mask);
	sigaddset(&second.sa_mask, SIGHUP);
	second.sa_flags = SA_SIGINFO | SA_ONSTACK;
	for (int sig = 1; sig <= SIGRTMAX; sig++) {
		if (sig == SIGKILL || sig == SIGSTOP || sig == 32 ||
		    sig == 33 || sig == OURS)
			continue;
		KIT_CHECK(sigaction(sig, &first, &old) == 0);
		KIT_CHECK(sigaction(sig, NULL, &old) == 0);
		if (!is_same(&old, &first))
			KIT_FAIL("signal %d", sig);
		KIT_CHECK(sigaction(sig, &second, &old) == 0);
		KIT_CHECK(is_same(&old, &first));
		KIT_CHECK(sigaction(sig, &plain, &old) == 0);
		KIT_CHECK(is_same(&old, &second));
		KIT_CHECK(sigaction(sig, NULL, &old) == 0);
		KIT_CHECK(old.sa_handler == SIG_DFL);
	}
	errno = 0;
	KIT_CHECK(sigaction(SIGKILL, &first, NULL) == -1 && errno == EINVAL);
	KIT_CHECK(sigaction(0, &first, NULL) == -1 && errno == EINVAL);
	KIT_CHECK(sigaction(65, &first, NULL) == -1 && errno == EINVAL);
	KIT_CHECK(sigaction(32, &first, NULL) == -1 && errno == EINVAL);
}

static void
by_signal(void)
{
	KIT_CHECK(signal(SIGUSR1, count) == SIG_DFL);
	KIT_CHECK(signal(SIGUSR1, SIG_IGN) == count);
	KIT_CHECK(raise(SIGUSR1) == 0 && nhandled == 0);
	KIT_CHECK(sysv_signal(SIGUSR1, count) == SIG_IGN);
	KIT_CHECK(raise(SIGUSR1) == 0 && nhandled == 1);
	KIT_CHECK(signal(SIGUSR1, SIG_IGN) == SIG_DFL); /* once only */
	KIT_CHECK(ssignal(SIGUSR1, count) == SIG_IGN);
	KIT_CHECK(sigset(SIGUSR1, SIG_HOLD) == count);
	KIT_CHECK(raise(SIGUSR1) == 0 && nhandled == 1);
	KIT_CHECK(sigset(SIGUSR1, count) == SIG_HOLD && nhandled == 2);
	KIT_CHECK(raise(SIGUSR1) == 0 && nhandled == 3);
	KIT_CHECK(last_sig == SIGUSR1);
	errno = 0;
	KIT_CHECK(signal(SIGKILL, count) == SIG_ERR && errno == EINVAL);
	KIT_CHECK(signal(-1, count) == SIG_ERR && errno == EINVAL);
	KIT_CHECK(signal(1000, count) == SIG_ERR && errno == EINVAL);
}

static _Atomic int depth, deepest, nraised;

static void
raise_again(int sig)
{
	if (++depth > deepest)
		deepest = depth;
	if (nraised++ < 2)
		raise(sig);
	depth--;
}

static void
flags(void)
{
	struct sigaction act = {.sa_handler = count}, old;
	union sigval value = {.sival_int = 4711};

	act.sa_flags = (int)SA_RESETHAND;
	sigaction(SIGUSR1, &act, NULL);
	raise(SIGUSR1);
	KIT_CHECK(nhandled == 1);
	sigaction(SIGUSR1, NULL, &old);
	KIT_CHECK(old.sa_handler == SIG_DFL);
	act.sa_sigaction = count_info;
	act.sa_flags = SA_SIGINFO;
	sigaction(SIGUSR1, &act, NULL);
	sigqueue(getpid(), SIGUSR1, value);
	KIT_CHECK(nhandled == 2 && last_value == 4711);
	act.sa_handler = raise_again;
	act.sa_flags = SA_NODEFER;
	sigaction(SIGUSR1, &act, NULL);
	raise(SIGUSR1);
	KIT_CHECK(deepest == 3);
	deepest = nraised = 0;
	act.sa_flags = 0;
	sigaction(SIGUSR1, &act, NULL);
	raise(SIGUSR1);
	KIT_CHECK(deepest == 1);
}

static char alternate[65536];

static void
check_stack(int sig)
{
	char here;

	(void)sig;
	KIT_CHECK(&here > alternate && &here < alternate + sizeof(alternate));
	nhandled++;
}

static void
other_stack(void)
{
	struct sigaction act = {
	    .sa_handler = check_stack, .sa_flags = SA_ONSTACK};
	stack_t stack = {.ss_sp = alternate, .ss_size = sizeof(alternate)};

	KIT_CHECK(sigaltstack(&stack, NULL) == 0);
	sigaction(SIGUSR1, &act, NULL);
	raise(SIGUSR1);
	KIT_CHECK(nhandled == 1);
	/* the least that a program may give */
	stack.ss_size = MINSIGSTKSZ + 4096;
	KIT_CHECK(sigaltstack(&stack, NULL) == 0);
	raise(SIGUSR1);
	KIT_CHECK(nhandled == 2);
}

/* More handlers than the library has trampolines. */
#define HANDLER(n)                                                             \
	static void handler_##n(int sig)                                       \
	{                                                                      \
		last_sig = sig;                                                \
		last_value = 0##n;                                             \
	}
#define EACH8(row, i)                                                          \
	row(i##0) row(i##1) row(i##2) row(i##3) row(i##4) row(i##5) row(i##6)  \
	    row(i##7)
#define EACH64(row, i)                                                         \
	EACH8(row, i##0)                                                       \
	EACH8(row, i##1)                                                       \
	EACH8(row, i##2)                                                       \
	EACH8(row, i##3)                                                       \
	EACH8(row, i##4) EACH8(row, i##5) EACH8(row, i##6) EACH8(row, i##7)
EACH64(HANDLER, 1)
EACH64(HANDLER, 2)
#define ADDRESS(n) handler_##n,

static void
many(void)
{
	static void (*const all[])(int) = {
	    EACH64(ADDRESS, 1) EACH64(ADDRESS, 2)};
	pthread_t garbage = kit_thread(make_garbage, NULL);

	for (size_t i = 0; i < KIT_COUNT(all); i++) {
		int value = (int)(i + 64);

		if (i > 0)
			KIT_CHECK(signal(SIGUSR1, all[i]) == all[i - 1]);
		else
			signal(SIGUSR1, all[i]);
		raise(SIGUSR1);
		KIT_CHECK(last_sig == SIGUSR1 && last_value == value);
	}
	KIT_CHECK(signal(SIGUSR1, count) == all[KIT_COUNT(all) - 1]);
	raise(SIGUSR1);
	KIT_CHECK(nhandled == 1);
	done = true;
	kit_join(garbage);
}

/* Masks ------------------------------------------------------------------- */

static bool
has_word(const sigset_t *set, uint64_t word)
{
	return memcmp(set, &word, sizeof(word)) == 0;
}

static uint64_t
word_of(const sigset_t *set)
{
	uint64_t word;

	memcpy(&word, set, sizeof(word));
	return word;
}

/* As the kernel has it. */
static uint64_t
true_mask(void)
{
	char text[4096];
	int fd = open("/proc/thread-self/status", O_RDONLY);
	ssize_t n = read(fd, text, sizeof(text) - 1);
	const char *at;

	close(fd);
	text[n > 0 ? n : 0] = '\0';
	at = strstr(text, "SigBlk:");
	KIT_CHECK(at != NULL);
	return strtoull(at + 7, NULL, 16);
}

static void
stays_open(void)
{
	uint64_t bit = *kit_lib() != '\0' ? 1ull << (OURS - 1) : 0;
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	KIT_CHECK(true_mask() != 0 && (true_mask() & bit) == 0);
	sigprocmask(SIG_SETMASK, &all, NULL);
	KIT_CHECK((true_mask() & bit) == 0);
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, NULL, 8);
	KIT_CHECK((true_mask() & bit) == 0);
}

static void
old_masks(void)
{
	sigset_t all, none, old, some;
	uint64_t held;

	sigfillset(&all);
	sigemptyset(&none);
	held = word_of(&all) & ~(1ull << 8 | 1ull << 18 | 3ull << 31);
	KIT_CHECK(pthread_sigmask(SIG_BLOCK, &all, &old) == 0);
	KIT_CHECK(has_word(&old, 0));
	KIT_CHECK(pthread_sigmask(SIG_BLOCK, NULL, &old) == 0);
	KIT_CHECK(has_word(&old, held));
	KIT_CHECK(sigprocmask(SIG_SETMASK, &none, &old) == 0);
	KIT_CHECK(has_word(&old, held));
	KIT_CHECK(sigprocmask(SIG_SETMASK, &all, &old) == 0);
	KIT_CHECK(has_word(&old, 0));
	some = all;
	sigdelset(&some, OURS);
	KIT_CHECK(sigprocmask(SIG_SETMASK, &some, &old) == 0);
	KIT_CHECK(has_word(&old, held));
	KIT_CHECK(sigprocmask(SIG_SETMASK, NULL, &old) == 0);
	KIT_CHECK(has_word(&old, held & ~(1ull << (OURS - 1))));
	KIT_CHECK(sigprocmask(SIG_BLOCK, &all, &old) == 0);
	KIT_CHECK(has_word(&old, held & ~(1ull << (OURS - 1))));
	KIT_CHECK(syscall(SYS_rt_sigprocmask, SIG_UNBLOCK, &all, &old, 8) == 0);
	KIT_CHECK(has_word(&old, held));
	KIT_CHECK(syscall(SYS_rt_sigprocmask, SIG_BLOCK, &all, NULL, 8) == 0);
	KIT_CHECK(pthread_sigmask(SIG_UNBLOCK, &all, &old) == 0);
	KIT_CHECK(
	    word_of(&old) == (word_of(&all) & ~(1ull << 8 | 1ull << 18)) ||
	    has_word(&old, held));
	KIT_CHECK(pthread_sigmask(SIG_UNBLOCK, NULL, &old) == 0);
	KIT_CHECK((word_of(&old) & held) == 0);
	KIT_CHECK(pthread_sigmask(77, &all, NULL) == EINVAL);
	KIT_CHECK(sigprocmask(77, &all, NULL) == -1 && errno == EINVAL);
}

/* It waits for everything, and gets what is meant for it. */
static void *
wait_for_all(void *arg)
{
	sigset_t all;
	int sig;

	(void)arg;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	for (int i = 0; i < 20; i++) {
		KIT_CHECK(sigwait(&all, &sig) == 0);
		if (sig != SIGUSR2)
			KIT_FAIL("sigwait: %d", sig);
		last_sig = i;
		for (int j = 0; j < 1000; j++)
			free(malloc(1000));
	}
	return NULL;
}

static void
waits_for_all(void)
{
	pthread_t garbage, thread;
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	garbage = kit_thread(make_garbage, NULL);
	thread = kit_thread(wait_for_all, NULL);
	last_sig = -1;
	for (int i = 0; i < 20; i++) {
		kit_sleep(0.015);
		kill(getpid(), SIGUSR2);
		while (last_sig != i)
			kit_sleep(0.001);
	}
	kit_join(thread);
	done = true;
	kit_join(garbage);
}

static void
reads_all(void)
{
	pthread_t garbage;
	struct signalfd_siginfo info;
	struct pollfd in;
	sigset_t all;
	int fd;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	garbage = kit_thread(make_garbage, NULL);
	fd = signalfd(-1, &all, SFD_NONBLOCK);
	KIT_CHECK(fd >= 0);
	in.fd = fd;
	in.events = POLLIN;
	KIT_CHECK(poll(&in, 1, 100) == 0);
	KIT_CHECK(read(fd, &info, sizeof(info)) < 0 && errno == EAGAIN);
	raise(SIGUSR2);
	KIT_CHECK(read(fd, &info, sizeof(info)) == sizeof(info));
	KIT_CHECK(info.ssi_signo == SIGUSR2);
	done = true;
	kit_join(garbage);
}

/* The program wants the number that the library has chosen. */
static void
takes_ours(void)
{
	struct sigaction act = {.sa_sigaction = count_info}, old;
	union sigval value = {.sival_int = 1};
	pthread_t garbage = kit_thread(make_garbage, NULL);

	kit_sleep(0.03);
	KIT_CHECK(sigaction(OURS, NULL, &old) == 0);
	KIT_CHECK(old.sa_handler == SIG_DFL);
	KIT_CHECK(signal(OURS, SIG_IGN) == SIG_DFL);
	KIT_CHECK(signal(OURS, SIG_DFL) == SIG_IGN);
	act.sa_flags = SA_SIGINFO;
	KIT_CHECK(sigaction(OURS, &act, &old) == 0);
	KIT_CHECK(old.sa_handler == SIG_DFL);
	KIT_CHECK(sigaction(OURS, NULL, &old) == 0);
	KIT_CHECK(old.sa_sigaction == count_info);
	for (int i = 0; i < 100; i++) {
		KIT_CHECK(pthread_sigqueue(pthread_self(), OURS, value) == 0);
		KIT_CHECK(nhandled == i + 1);
		kit_sleep(0.001);
	}
	done = true;
	kit_join(garbage);
}

static void
waits_for_ours(void)
{
	pthread_t garbage;
	siginfo_t info;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, OURS);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	garbage = kit_thread(make_garbage, NULL);
	kit_sleep(0.03);
	for (int i = 0; i < 50; i++) {
		KIT_CHECK(kill(getpid(), OURS) == 0);
		KIT_CHECK(sigwaitinfo(&set, &info) == OURS);
		KIT_CHECK(info.si_pid == getpid());
	}
	done = true;
	kit_join(garbage);
}

/* What a child of vfork sets is not the parent's. */
static void
vforked(void)
{
	struct sigaction act = {.sa_handler = count}, old;
	struct sigaction other = {.sa_handler = handler_100};
	struct sigaction plain = {.sa_handler = SIG_DFL};
	int status;

	sigaction(SIGUSR1, &act, NULL);
	for (volatile int i = 0; i < 3; i++) {
		pid_t pid = vfork();

		if (pid == 0) {
			sigaction(SIGUSR1, i == 0 ? &plain : &other, NULL);
			signal(SIGUSR1, i == 1 ? SIG_IGN : handler_101);
			_exit(0);
		}
		KIT_CHECK(waitpid(pid, &status, 0) == pid && status == 0);
		nhandled = 0;
		raise(SIGUSR1);
		KIT_CHECK(nhandled == 1);
		sigaction(SIGUSR1, NULL, &old);
		KIT_CHECK(old.sa_handler == count);
	}
}

/* Nor is its mask, either way.  It sees its own.  (With the parent's record
 * written by the child: "not so: has_word(&old, held)".)
 */
static void
vforked_masks(void)
{
	sigset_t all, none, old;
	uint64_t held;
	pid_t pid;

	sigfillset(&all);
	sigemptyset(&none);
	held = word_of(&all) & ~(1ull << 8 | 1ull << 18 | 3ull << 31);
	KIT_CHECK(sigprocmask(SIG_SETMASK, &none, &old) == 0);
	pid = vfork();
	if (pid == 0) {
		sigprocmask(SIG_BLOCK, &all, NULL);
		sigprocmask(SIG_BLOCK, NULL, &old);
		_exit(!has_word(&old, held));
	}
	KIT_CHECK(kit_wait(pid) == 0);
	KIT_CHECK(sigprocmask(SIG_BLOCK, &all, &old) == 0);
	KIT_CHECK(has_word(&old, 0));
	pid = vfork();
	if (pid == 0) {
		sigprocmask(SIG_SETMASK, &none, &old);
		_exit(!has_word(&old, held));
	}
	KIT_CHECK(kit_wait(pid) == 0);
	KIT_CHECK(sigprocmask(SIG_SETMASK, &none, &old) == 0);
	KIT_CHECK(has_word(&old, held));
}

/* Who has lent its memory for good has a mask all the same, and so has its
 * child.
 */
static int
end_at_once(void *arg)
{
	(void)arg;
	_exit(0);
}

static void
cloned_masks(void)
{
	static char stack[65536] __attribute__((aligned(16)));
	sigset_t all, old;
	uint64_t held;
	pid_t pid;

	sigfillset(&all);
	held = word_of(&all) & ~(1ull << 8 | 1ull << 18 | 3ull << 31);
	pid =
	    clone(end_at_once, stack + sizeof(stack), CLONE_VM | SIGCHLD, NULL);
	KIT_CHECK(pid > 0 && kit_wait(pid) == 0);
	KIT_CHECK(sigprocmask(SIG_BLOCK, &all, NULL) == 0);
	KIT_CHECK(sigprocmask(SIG_BLOCK, NULL, &old) == 0);
	KIT_CHECK(has_word(&old, held));
	pid = fork();
	if (pid == 0) {
		sigprocmask(SIG_BLOCK, NULL, &old);
		_exit(!has_word(&old, held));
	}
	KIT_CHECK(kit_wait(pid) == 0);
}

/* Jumps and children ------------------------------------------------------ */

/* Jumping out of a wait: the thread runs from then on.  If it still counted as
 * stopped, its list would be seen in the middle of a change, and lost.
 */
static __thread sigjmp_buf back;

static void
jump_out(int sig)
{
	siglongjmp(back, sig);
}

struct node {
	struct node *next;
	size_t value;
};

static void
shuffle_list(void)
{
	struct node *head = NULL, *node;
	size_t n = 0;

	for (size_t i = 0; i < 200; i++) {
		node = malloc(sizeof(*node));
		node->value = i;
		node->next = head;
		head = node;
	}
	while (head != NULL) {
		KIT_CHECK(head->value == 199 - n++);
		node = head->next;
		free(head);
		head = node;
	}
	KIT_CHECK(n == 200);
}

static void
jumping(void)
{
	struct sigaction act = {.sa_handler = jump_out};
	struct itimerval timer = {{0, 3000}, {0, 3000}};
	struct pollfd none = {-1, 0, 0};
	volatile int njumps = 0;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGALRM);
	sigaction(SIGALRM, &act, NULL);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	kit_thread(make_garbage, NULL); /* it must not take the signal */
	setitimer(ITIMER_REAL, &timer, NULL);
	while (njumps < 200) {
		if (sigsetjmp(back, 1) != 0) {
			njumps++;
			shuffle_list();
			continue;
		}
		pthread_sigmask(SIG_UNBLOCK, &set, NULL);
		poll(&none, 1, -1);
		KIT_FAIL("poll returned");
	}
	done = true;
}

/* Waits in children: of fork, of vfork, and for them. */
static void
children(void)
{
	pthread_t garbage = kit_thread(make_garbage, NULL);

	for (int i = 0; i < 10; i++) {
		struct pollfd none = {-1, 0, 0};
		pid_t pid = kit_fork();
		int status;

		if (pid == 0) {
			KIT_CHECK(poll(&none, 1, 20) == 0);
			shuffle_list();
			_exit(0);
		}
		kit_reap(pid);
		pid = vfork();
		if (pid == 0) {
			poll(&none, 1, 20);
			_exit(3);
		}
		KIT_CHECK(waitpid(pid, &status, 0) == pid);
		KIT_CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 3);
		shuffle_list();
	}
	done = true;
	kit_join(garbage);
}

int
main(int argc, char **argv)
{
	static const struct kit_case cases[] = {
	    {"old-actions", old_actions, 0, 0},
	    {"by-signal", by_signal, 0, 0},
	    {"flags", flags, 0, 0},
	    {"other-stack", other_stack, 0, 0},
	    {"many", many, 0, 0},
	    {"old-masks", old_masks, 0, 0},
	    {"stays-open", stays_open, 0, 0},
	    {"waits-for-all", waits_for_all, KIT_PARALLEL, 0},
	    {"reads-all", reads_all, KIT_PARALLEL, 0},
	    {"takes-ours", takes_ours, KIT_PARALLEL, 0},
	    {"waits-for-ours", waits_for_ours, KIT_PARALLEL, 0},
	    {"vforked", vforked, 0, 0},
	    {"vforked-masks", vforked_masks, 0, 0},
	    {"cloned-masks", cloned_masks, 0, 0},
	    {"jumping", jumping, KIT_PARALLEL, 0},
	    {"children", children, KIT_PARALLEL, 0},
	    {NULL, NULL, 0, 0},
	};

	setenv("GCM_INTERVAL", "5ms", 1);
	setenv("GCM_MINHEAP", "0", 1);
	setenv("GCM_GRACE", "0", 1);
	setenv("GCM_SIGNAL", "50", 1);
	return kit_main(argc, argv, cases);
}
