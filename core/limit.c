/* limit.c -- what the system lets this process have
 *
 * MODEL   /proc/self/cgroup names the process's group, for each controller in
 *         version 1 or for all of them in version 2.  A limit of a group holds
 *         for those below it, so each folder is looked at from there up to
 *         where the controller is mounted.  In a container the path may be
 *         that of another name space: folders that are not there say nothing,
 *         and the mount itself is the container's group.
 *
 *         A text that is missing, or makes no sense, is no limit.
 */
#include "core/limit.h"

#include <stdatomic.h>
#include <string.h>

#include "core/option.h"
#include "core/os.h"
#include "core/report.h"

enum {
	GROUPS_BYTES = 4096,
	PATH_BYTES = 448,
	NUMBER_BYTES = 64,
	SHARE = 90, /* of a cgroup's memory, percent */
	WHOLE = 100
};
#define AGE_NS 10000000000u /* limits are seldom changed */

static struct {
	uint64_t read_ns;          /* 0: never; the caller, as all here; last,
				    * for a fork may come in between */
	uint32_t ncpus;            /* as of then */
	uint64_t memory;           /* as of then */
	char groups[GROUPS_BYTES]; /* /proc/self/cgroup */
} limits;

/* Texts ----------------------------------------------------------------------
 */

/* The digits at *at; false when there are none, or too many. */
static bool
take_number(const char **at, uint64_t *value)
{
	const char *start = *at;

	for (*value = 0; **at >= '0' && **at <= '9'; ++*at)
		if (__builtin_mul_overflow(*value, (uint64_t)10, value) ||
		    __builtin_add_overflow(
			*value, (uint64_t)(**at - '0'), value))
			return false;
	return *at != start;
}

static bool
is_end(const char *at)
{
	return *at == '\0' || (*at == '\n' && at[1] == '\0');
}

uint64_t
gcm_limit_number(const char *text)
{
	uint64_t value;

	return take_number(&text, &value) && is_end(text) ? value : UINT64_MAX;
}

/* CPUs that the quota is worth, rounded up. */
static uint32_t
divide_quota(uint64_t quota, uint64_t period)
{
	uint64_t ncpus;

	if (quota == 0 || quota == UINT64_MAX || period == 0 ||
	    period == UINT64_MAX)
		return UINT32_MAX;
	ncpus = quota / period + (quota % period != 0);
	return ncpus < UINT32_MAX ? (uint32_t)ncpus : UINT32_MAX;
}

uint32_t
gcm_limit_quota(const char *text)
{
	uint64_t quota, period;

	if (!take_number(&text, &quota) || *text++ != ' ' ||
	    !take_number(&text, &period) || !is_end(text))
		return UINT32_MAX;
	return divide_quota(quota, period);
}

/* Is `word` one of "a,b,c" of this length? */
static bool
has_word(const char *list, size_t len, const char *word)
{
	size_t word_len = strlen(word);

	while (len >= word_len) {
		size_t n = strcspn(list, ",:");

		if (n == word_len && memcmp(list, word, n) == 0)
			return true;
		if (n + 1 >= len)
			break;
		list += n + 1;
		len -= n + 1;
	}
	return false;
}

/* "7:cpu,cpuacct:/path" of line_len bytes: is it of the controller (1), of
 * version 2 ("0::/path": 2), or of another (0)?  *path is its path.
 */
static int
read_group_line(const char *line, size_t line_len, const char *controller,
    const char **path)
{
	const char *stop = line + line_len;
	const char *list = line + strcspn(line, ":\n") + 1, *end;

	if (list > stop)
		return 0;
	end = list + strcspn(list, ":\n");
	if (end == stop || end[1] != '/')
		return 0;
	*path = end + 1;
	if (end == list)
		return line[0] == '0' && list == line + 2 ? 2 : 0;
	return has_word(list, (size_t)(end - list), controller);
}

int
gcm_limit_group(
    const char *text, const char *controller, char *path, size_t len)
{
	int found = 0;

	while (*text != '\0') {
		size_t line_len = strcspn(text, "\n");
		const char *start = NULL;
		int version =
		    read_group_line(text, line_len, controller, &start);
		size_t path_len =
		    version != 0 ? line_len - (size_t)(start - text) : 0;

		/* A controller that version 1 has, version 2 has not. */
		if (version != 0 && found != 1 && path_len < len) {
			memcpy(path, start, path_len);
			path[path_len] = '\0';
			found = version;
		}
		text += line_len + (text[line_len] == '\n');
	}
	return found;
}

/* Folders --------------------------------------------------------------------
 */

/* The text of the file root/path/name; false when it cannot be read whole. */
static bool
read_text(const char *root, const char *path, const char *name, char *bytes)
{
	char whole[PATH_BYTES + 64];
	struct gcm_text text;
	long got;

	gcm_text_init(&text, whole, sizeof(whole) - 1);
	gcm_text_add(&text, root);
	gcm_text_add(&text, path);
	gcm_text_add(&text, name);
	*text.at = '\0';
	got = gcm_os_read_file(whole, bytes, NUMBER_BYTES - 1);
	bytes[got > 0 ? got : 0] = '\0';
	return got > 0 && got < NUMBER_BYTES - 1;
}

static uint64_t
read_number(const char *root, const char *path, const char *name)
{
	char bytes[NUMBER_BYTES];

	return read_text(root, path, name, bytes) ? gcm_limit_number(bytes)
						  : UINT64_MAX;
}

static uint64_t
read_memory(const char *root, const char *path, int version)
{
	return read_number(root, path,
	    version == 2 ? "/memory.max" : "/memory.limit_in_bytes");
}

static uint64_t
read_cpus(const char *root, const char *path, int version)
{
	char bytes[NUMBER_BYTES];

	if (version == 2)
		return read_text(root, path, "/cpu.max", bytes)
			   ? gcm_limit_quota(bytes)
			   : UINT32_MAX;
	return divide_quota(read_number(root, path, "/cpu.cfs_quota_us"),
	    read_number(root, path, "/cpu.cfs_period_us"));
}

/* The last "/folder" off the path; false when there is none. */
static bool
climb(char *path)
{
	char *end = path + strlen(path);

	while (end > path && *--end != '/')
		continue;
	if (end == path && *end == '\0')
		return false;
	*end = '\0';
	return true;
}

/* The least of what a group and those above it say. */
static uint64_t
find_least(const char *controller, const char *old_root,
    uint64_t (*read)(const char *root, const char *path, int version))
{
	char path[PATH_BYTES];
	int version =
	    gcm_limit_group(limits.groups, controller, path, sizeof(path));
	uint64_t least = UINT64_MAX;

	if (version == 0)
		path[0] = '\0'; /* unknown: that of the mount, if any */
	do {
		const char *root = version == 1 ? old_root : "/sys/fs/cgroup";
		uint64_t here = read(root, path, version == 1 ? 1 : 2);

		least = here < least ? here : least;
	} while (climb(path));
	return least;
}

static void
read_limits(void)
{
	uint64_t now = gcm_os_now_ns(), quota, ncpus = gcm_os_cpus(), memory;
	long got;

	if (limits.read_ns != 0 && now - limits.read_ns < AGE_NS)
		return;
	got = gcm_os_read_file(
	    "/proc/self/cgroup", limits.groups, sizeof(limits.groups) - 1);
	limits.groups[got > 0 ? got : 0] = '\0';
	quota = find_least("cpu", "/sys/fs/cgroup/cpu", read_cpus);
	limits.ncpus = (uint32_t)(quota < ncpus ? quota : ncpus);
	memory = find_least("memory", "/sys/fs/cgroup/memory", read_memory);
	/* Version 1 has no "max". */
	limits.memory = memory >= gcm_os_memory() ? UINT64_MAX : memory;
	atomic_signal_fence(memory_order_seq_cst);
	limits.read_ns = now;
}

uint32_t
gcm_limit_cpus(void)
{
	read_limits();
	return limits.ncpus;
}

uint64_t
gcm_limit_memory(void)
{
	read_limits();
	return limits.memory;
}

uint64_t
gcm_limit_soft(void)
{
	uint64_t memory;

	if (gcm_options.MEMLIMIT >= 0)
		return (uint64_t)gcm_options.MEMLIMIT;
	if (gcm_options.MEMLIMIT != GCM_CGROUP)
		return UINT64_MAX;
	memory = gcm_limit_memory();
	return memory == UINT64_MAX ? memory : memory / WHOLE * SHARE;
}
