/* os_fake_trace.c -- the trace's file of the fake kernel: one, in memory */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "os_fake_parts.h"

enum {
	TRACE_BYTES = 4 << 20
};

static unsigned char trace[TRACE_BYTES];
static size_t trace_len;
static char trace_path[600];

const unsigned char *
os_fake_trace(size_t *len)
{
	*len = trace_len;
	return trace;
}

const char *
os_fake_trace_path(void)
{
	return trace_path;
}

void
os_fake_forget_trace(void)
{
	trace_len = 0;
	trace_path[0] = '\0';
}

int
gcm_os_tid(void)
{
	return os_fake.tid != 0 ? os_fake.tid : (int)syscall(SYS_gettid);
}

int
gcm_os_parent(void)
{
	return os_fake.pid - 1;
}

void
gcm_os_thread_name(char name[GCM_OS_NAME_BYTES])
{
	snprintf(name, GCM_OS_NAME_BYTES, "fake");
}

void
gcm_os_program(char *path, size_t len)
{
	snprintf(path, len, "/bin/fake\nfile");
}

uint64_t
gcm_os_realtime_ns(void)
{
	return gcm_os_now_ns() + 5;
}

bool
gcm_os_absolute(const char *path, char *out, size_t len)
{
	return snprintf(out, len, "%s%s", path[0] == '/' ? "" : "/fake/",
		   path) < (int)len;
}

int
gcm_os_append(const char *path, const void *bytes, size_t len, bool anew)
{
	int error = os_fake_must_fail(OS_APPEND);

	if (error != 0)
		return error;
	if (anew)
		trace_len = 0;
	if (len > TRACE_BYTES - trace_len)
		os_fake_break("too much of a trace");
	snprintf(trace_path, sizeof(trace_path), "%s", path);
	memcpy(trace + trace_len, bytes, len);
	trace_len += len;
	return 0;
}

int
gcm_os_map_ring(void *addr, size_t len, const char *path)
{
	int error = os_fake_must_fail(OS_MAP_RING);

	if (error != 0)
		return error;
	if (!os_fake_range_has((uintptr_t)addr, (uintptr_t)addr + len))
		os_fake_break("a ring that is not ours");
	snprintf(trace_path, sizeof(trace_path), "%s", path);
	memset(addr, 0, len);
	return 0;
}

int
gcm_os_name_ring(const char *path)
{
	if (strcmp(path, trace_path) != 0)
		os_fake_break("another ring's name");
	return 0;
}
