/* body.c -- a server, its worker processes, and whatever threads may do
 *
 * MODEL   body SECONDS WORKERS REPORT
 *         The first process has a configuration, forks a worker, and a client
 *         thread of it sends that worker requests and knows the answers.  At
 *         each reload it makes a new configuration, forks the next worker, and
 *         hangs up on the old one, which checks all it has, looks for what it
 *         lost, and exits with 0.  In a worker each task has its threads.
 *
 *         Whatever is not as it should be ends the process with a line.  A
 *         worker appends its figures to REPORT (soak.py reads them):
 *           tasks NAME=COUNT...
 *           rss START PEAK END      KiB
 *           lost SHAPE COUNT BYTES REMEMBERED STILL-THERE
 *           stats CYCLES ABANDONED RECLAIMED LATE-FREES RECLAIMING BACK-END
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/soak/soak.h"

enum {
	THREADS_MAX = 40,
	FLUSHED = 20, /* requests sent ahead */
	SETTLED_S = 1 /* until what is resident counts as the start */
};

static struct task *const tasks[] = {&task_serve, &task_check, &task_blocks,
    &task_lose, &task_epoll, &task_pipe, &task_signal, &task_timer,
    &task_mapping, &task_coroutine, &task_threads, &task_plugin, &task_fork,
    &task_spawn};

static const char *only; /* tasks' names, comma between; const once started */

/* What tasks call
 * --------------------------------------------------------------------- */

bool
soak_goes_on(void)
{
	return !serve_ended();
}

void
soak_did(struct task *task)
{
	atomic_fetch_add_explicit(&task->ndone, 1, memory_order_relaxed);
}

void
soak_nap(struct kit_rng *rng, unsigned most_us)
{
	kit_sleep((double)kit_below(rng, most_us) / 1e6);
}

__attribute__((noinline)) void
soak_clear_stack(void)
{
	volatile char room[64 << 10];

	for (size_t i = 0; i < sizeof(room); i++)
		room[i] = 0;
}

/* Worker
 * ----------------------------------------------------------------------- */

struct life {
	struct task *task;
	uint64_t stream;
	pthread_t thread;
};

static void *
live(void *arg)
{
	const struct life *life = arg;
	struct kit_rng rng = kit_rng_new(life->stream);

	prctl(PR_SET_NAME, life->task->name);
	life->task->run(&rng);
	/* libc keeps the stack for later threads; it is read whole then. */
	soak_clear_stack();
	return NULL;
}

static size_t
start_tasks(struct life *lives, uint64_t stream)
{
	size_t n = 0;

	for (size_t i = 0; i < KIT_COUNT(tasks); i++) {
		if (only != NULL && i > 0 && strstr(only, tasks[i]->name) == 0)
			continue;
		for (unsigned j = 0; j < tasks[i]->nthreads; j++) {
			struct life *life = &lives[n++];

			life->task = tasks[i];
			life->stream = stream + n;
			life->thread = kit_thread(live, life);
		}
	}
	return n;
}

/* Stands by while the tasks go on. */
static void
watch(const struct cell *config, long *first, long *peak)
{
	double settled = kit_now() + SETTLED_S;

	while (soak_goes_on()) {
		long rss = kit_rss();

		if (kit_now() < settled || *first == 0)
			*first = rss > *first ? rss : *first;
		if (rss > *peak)
			*peak = rss;
		tree_check(config, "configuration");
		kit_sleep(0.02);
	}
}

static void
write_figures(int report, long first, long peak)
{
	char line[800];
	int n = snprintf(line, sizeof(line), "tasks");

	for (size_t i = 0; i < KIT_COUNT(tasks); i++)
		n += snprintf(line + n, sizeof(line) - (size_t)n, " %s=%lu",
		    tasks[i]->name, (unsigned long)tasks[i]->ndone);
	n += snprintf(line + n, sizeof(line) - (size_t)n, "\nrss %ld %ld %ld\n",
	    first >> 10, peak >> 10, kit_rss() >> 10);
	KIT_CHECK(write(report, line, (size_t)n) == n);
}

static void
be_worker(int sock, int report, struct cell *config, uint64_t stream)
{
	struct life lives[THREADS_MAX];
	long first = 0, peak = 0;
	size_t n;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	serve_start(sock);
	n = start_tasks(lives, stream);
	watch(config, &first, &peak);
	for (size_t i = 0; i < n; i++)
		kit_join(lives[i].thread);
	tree_free(config, "configuration in the end");
	soak_clear_stack();
	lost_judge(report);
	write_figures(report, first, peak);
	exit(0);
}

/* Client and reload
 * -------------------------------------------------------------- */

struct client {
	int sock;
	pthread_t thread;
	pid_t worker;
	uint64_t nanswers; /* the thread's */
	_Atomic bool stop;
};

static uint64_t
seed_of(uint64_t id)
{
	return id * 0x2545f4914f6cdd1du + kit_seed();
}

/* Sends some ahead; all that was sent must be answered, in whatever order. */
static void *
ask(void *arg)
{
	struct client *client = arg;
	uint64_t nsent = 0;

	while (!atomic_load(&client->stop) || client->nanswers < nsent) {
		struct request request = {nsent, seed_of(nsent)};
		struct reply reply;

		if (nsent - client->nanswers < FLUSHED &&
		    !atomic_load(&client->stop)) {
			if (send(client->sock, &request, sizeof(request), 0) !=
			    sizeof(request))
				kit_sleep(2); /* the same */
			nsent++;
			continue;
		}
		if (recv(client->sock, &reply, sizeof(reply), 0) !=
		    sizeof(reply)) {
			kit_sleep(2); /* who watches it can say why */
			KIT_FAIL("the worker has hung up");
		}
		KIT_CHECK(reply.id < nsent);
		if (reply.sum != serve_expected(seed_of(reply.id)))
			KIT_FAIL("wrong answer");
		client->nanswers++;
		if (client->nanswers % 8 == 0)
			kit_sleep(0.001);
	}
	return NULL;
}

static struct client *
start_worker(int report, struct cell *config, uint64_t stream)
{
	struct client *client = calloc(1, sizeof(*client));
	int ends[2];

	KIT_CHECK(
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0);
	client->worker = fork();
	KIT_CHECK(client->worker >= 0);
	if (client->worker == 0) {
		close(ends[0]);
		be_worker(ends[1], report, config, stream);
	}
	close(ends[1]);
	client->sock = ends[0];
	client->thread = kit_thread(ask, client);
	return client;
}

static void
end_worker(struct client *client)
{
	atomic_store(&client->stop, true);
	kit_join(client->thread);
	shutdown(client->sock, SHUT_WR); /* the next worker has it too */
	kit_reap(client->worker);
	close(client->sock);
	free(client);
}

/* Sleeps; a worker that dies meanwhile ends it all. */
static void
watch_worker(const struct client *client, double seconds)
{
	double until = kit_now() + seconds;

	while (kit_now() < until) {
		siginfo_t info = {.si_pid = 0};

		kit_sleep(0.02);
		waitid(P_PID, (id_t)client->worker, &info,
		    WEXITED | WNOHANG | WNOWAIT);
		if (info.si_pid != 0) {
			kit_reap(client->worker);
			KIT_FAIL("the worker has left");
		}
	}
}

int
main(int argc, char **argv)
{
	struct client *old = NULL;
	struct kit_rng rng;
	sigset_t masked;
	long nworkers;
	int report;

	if (argc < 4)
		KIT_FAIL("usage: body SECONDS WORKERS REPORT [TASK,...]");
	only = argc > 4 ? argv[4] : NULL;
	nworkers = atol(argv[2]);
	report = open(argv[3], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	KIT_CHECK(report >= 0 && nworkers > 0);
	/* In all threads.  SIGCHLD, which nobody handles: a child that ends
	 * while the thread that made it has all signals blocked (posix_spawn)
	 * would interrupt sigwaitinfo in another one, whatever malloc there is.
	 */
	sigemptyset(&masked);
	sigaddset(&masked, SIGRTMIN + 4); /* of timers */
	sigaddset(&masked, SIGRTMIN + 5);
	sigaddset(&masked, SIGCHLD);
	sigprocmask(SIG_BLOCK, &masked, NULL);
	signal(SIGPIPE, SIG_IGN);
	rng = kit_rng_new(0);
	for (long i = 0; i < nworkers; i++) {
		struct cell *config = tree_new(&rng, 3, 6);
		struct client *client =
		    start_worker(report, config, 1000 * ((uint64_t)i + 1));

		if (old != NULL)
			end_worker(old);
		old = client;
		tree_free(config, "configuration");
		watch_worker(client, atof(argv[1]) / (double)nworkers);
	}
	end_worker(old);
	return 0;
}
