/* both.c -- see both.h
 *
 * MODEL   The two runs go on side by side, each with its output in a memory
 *         file.  Both have the same environment but for LD_PRELOAD.
 */
#define _GNU_SOURCE
#include "tests/traps/both.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	TEXT = 32768,
	PATIENCE_S = 40
};

struct run {
	pid_t pid;
	int output, status;
	char text[TEXT];
};

static struct run runs[2]; /* plain, with the library */

static void
start_run(struct run *run, const char *body, bool preloaded)
{
	char flag[] = "--body", self[] = "/proc/self/exe";
	char *argv[] = {self, flag, strdup(body), NULL};

	run->output = memfd_create("output", MFD_CLOEXEC);
	run->pid = fork();
	if (run->pid != 0)
		return;
	if (preloaded && *kit_lib() != '\0')
		setenv("LD_PRELOAD", kit_lib(), 1);
	else
		unsetenv("LD_PRELOAD");
	dup2(run->output, 1);
	dup2(run->output, 2);
	alarm(PATIENCE_S);
	execv(self, argv);
	_exit(127);
}

static void
end_run(struct run *run)
{
	ssize_t n;

	run->status = kit_wait(run->pid);
	n = pread(run->output, run->text, TEXT - 1, 0);
	run->text[n > 0 ? n : 0] = '\0';
	close(run->output);
}

static const char *
next_line(char **text)
{
	char *line = *text, *end = strchr(line, '\n');

	if (*line == '\0')
		return NULL;
	*text = end != NULL ? end + 1 : line + strlen(line);
	if (end != NULL)
		*end = '\0';
	return line;
}

static bool
is_no_worse(const char *plain, const char *with, double more)
{
	const char *a = strrchr(plain, ' '), *b = strrchr(with, ' ');

	if (strcmp(plain, with) == 0)
		return true;
	if (*plain != '#' || *with != '#' || a - plain != b - with ||
	    strncmp(plain, with, (size_t)(a - plain)) != 0)
		return false;
	return strtod(b, NULL) <= strtod(a, NULL) + more;
}

/* All differences, as one text; "" when there are none. */
static void
compare(double more, char *text, size_t size)
{
	char *rest[2] = {runs[0].text, runs[1].text};
	size_t n = 0;

	*text = '\0';
	for (;;) {
		const char *plain = next_line(&rest[0]);
		const char *with = next_line(&rest[1]);

		if (plain == NULL && with == NULL)
			break;
		plain = plain != NULL ? plain : "(nothing)";
		with = with != NULL ? with : "(nothing)";
		if (!is_no_worse(plain, with, more) && n < size)
			n += (size_t)snprintf(text + n, size - n,
			    "%s; with the library: %s\n", plain, with);
	}
	if (runs[0].status != runs[1].status && n < size)
		snprintf(text + n, size - n,
		    "status %x; with the library: %x\n",
		    (unsigned)runs[0].status, (unsigned)runs[1].status);
}

void
both_same(const char *body, int tries, double more)
{
	static char text[700], scale[20];
	int factor = 1;

	do {
		snprintf(scale, sizeof(scale), "%d", factor);
		setenv("GCMTEST_SCALE", scale, 1);
		for (int i = 0; i < 2; i++)
			start_run(&runs[i], body, i == 1);
		for (int i = 0; i < 2; i++)
			end_run(&runs[i]);
		if (runs[0].status == KIT_SKIPPED << 8)
			kit_skip(runs[0].text);
		compare(more * factor, text, sizeof(text));
		factor *= 3;
	} while (*text != '\0' && --tries > 0);
	if (*text != '\0')
		KIT_FAIL("%s", text);
	KIT_CHECK(runs[0].status == 0);
}

int
both_main(int argc, char **argv, const struct kit_case *cases,
    const struct both_body *bodies)
{
	if (argc == 3 && strcmp(argv[1], "--body") == 0) {
		for (; bodies->name != NULL; bodies++)
			if (strcmp(bodies->name, argv[2]) == 0)
				return bodies->run();
		return 127;
	}
	setenv("GCM_INTERVAL", "8ms", 1);
	setenv("GCM_MINHEAP", "0", 1);
	return kit_main(argc, argv, cases);
}

static void *
make_garbage(void *arg)
{
	for (;;) {
		for (int i = 0; i < 100; i++)
			*(volatile char *)malloc((size_t)i * 8 + 8) = 1;
		kit_sleep(0.001);
	}
	return arg;
}

double
both_scale(void)
{
	const char *scale = getenv("GCMTEST_SCALE");

	return scale != NULL ? atoi(scale) : 1;
}

void
both_begin(void)
{
	kit_thread(make_garbage, NULL);
	kit_sleep(0.02);
}

void
both_say(const char *fmt, ...)
{
	char line[400];
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(line, sizeof(line) - 1, fmt, args);
	va_end(args);
	line[n++] = '\n';
	KIT_CHECK(write(1, line, (size_t)n) == n);
}
