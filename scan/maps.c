/* maps.c -- the process's mappings
 *
 * MODEL   /proc/thread-self/maps, for /proc/self/maps is empty once the main
 *         thread has ended.  Its text is read to the end, then parsed line by
 *         line:
 *
 *             LO-HI rwxp OFFSET DEV INODE          NAME
 *
 *         The kernel gives whole lines and goes on behind the last mapping it
 *         gave.  When mappings change meanwhile, one may be given that overlaps
 *         the last: it is cut, so that the list is sorted and free of overlaps.
 *         A mapping that moves past the reader can be missed: a list that must
 *         be complete is read while the world is stopped.
 *
 *         Names decide what is a device's, for nothing else in the text does.
 *
 *         Nothing is kept open: opening costs less than a tenth of reading.
 */
#include "scan/maps.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>

#define SYSCALL(nr, a, b, c, d)                                                \
	gcm_arch_syscall((nr), (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)

enum {
	LINE_BYTES = 128, /* of text for a mapping, about */
	FIRST = 512,      /* mappings to make room for at first */
	READ_MIN = 64 << 10
};

/* Room -----------------------------------------------------------------------
 */

/* Replace *block, of *len bytes, by one of at least `need`; what was in the
 * first `keep` bytes stays.
 */
static int
grow_block(void *block, size_t *len, size_t need, size_t keep)
{
	void *old, *new;

	if (need <= *len)
		return 0;
	memcpy(&old, block, sizeof(old));
	new = gcm_own_map(need);
	if (new == NULL)
		return -ENOMEM;
	if (old != NULL) {
		memcpy(new, old, keep);
		gcm_own_unmap(old, *len);
	}
	memcpy(block, &new, sizeof(new));
	*len = need;
	return 0;
}

static int
grow_text(struct gcm_maps *maps, size_t need, size_t keep)
{
	return grow_block(&maps->text, &maps->text_len, need, keep);
}

static int
grow_list(struct gcm_maps *maps, size_t need)
{
	size_t len = maps->room * sizeof(*maps->list);
	int error = grow_block(&maps->list, &len, need * sizeof(*maps->list),
	    maps->count * sizeof(*maps->list));

	maps->room = len / sizeof(*maps->list);
	return error;
}

int
gcm_maps_reserve(struct gcm_maps *maps, size_t n)
{
	int error = grow_list(maps, n);

	return error != 0 ? error
			  : grow_text(maps, n * LINE_BYTES + READ_MIN, 0);
}

/* Text -----------------------------------------------------------------------
 */

static int
open_maps(void)
{
	long fd = SYSCALL(SYS_openat, AT_FDCWD, "/proc/thread-self/maps",
	    O_RDONLY | O_CLOEXEC, 0);

	if (fd == -ENOENT) /* before Linux 3.17 */
		fd = SYSCALL(SYS_openat, AT_FDCWD, "/proc/self/maps",
		    O_RDONLY | O_CLOEXEC, 0);
	return (int)fd;
}

/* Read all text; how much, or -errno. */
static long
read_text(struct gcm_maps *maps, int fd)
{
	size_t len = 0;
	long got;

	for (;;) {
		if (maps->text_len - len < READ_MIN) {
			int error = grow_text(maps, maps->text_len * 2, len);

			if (error != 0)
				return error;
		}
		got = SYSCALL(
		    SYS_read, fd, maps->text + len, maps->text_len - len, 0);
		if (got == -EINTR)
			continue;
		if (got <= 0)
			return got < 0 ? got : (long)len;
		len += (size_t)got;
	}
}

/* Lines ----------------------------------------------------------------------
 */

static bool
parse_hex(const char **at, const char *end, uintptr_t *value)
{
	const char *first = *at;

	*value = 0;
	for (; *at < end; (*at)++) {
		unsigned char c = (unsigned char)**at;
		unsigned int digit;

		if (c >= '0' && c <= '9')
			digit = c - '0';
		else if (c >= 'a' && c <= 'f')
			digit = c - 'a' + 10u;
		else
			break;
		*value = *value << 4 | digit;
	}
	return *at > first;
}

static const char *
skip_spaces(const char *at, const char *end)
{
	while (at < end && *at == ' ')
		at++;
	return at;
}

static const char *
skip_word(const char *at, const char *end)
{
	while (at < end && *at != ' ')
		at++;
	return skip_spaces(at, end);
}

static bool
begins_with(const char *at, const char *end, const char *with)
{
	size_t len = strlen(with);

	return (size_t)(end - at) >= len && memcmp(at, with, len) == 0;
}

/* Files that are memory in spite of their place: shared anonymous memory, POSIX
 * shared memory, huge pages.  Those that are not in spite of theirs: a bus's
 * resources, and what has only a driver behind it.
 */
static bool
is_device(const char *at, const char *end)
{
	if (begins_with(at, end, "/dev/"))
		return !begins_with(at, end, "/dev/zero") &&
		       !begins_with(at, end, "/dev/shm/") &&
		       !begins_with(at, end, "/dev/hugepages");
	return begins_with(at, end, "/sys/") ||
	       begins_with(at, end, "/proc/") ||
	       begins_with(at, end, "/dmabuf:") ||
	       begins_with(at, end, "anon_inode:kvm");
}

/* Memory that several mappings may share, and that no file keeps. */
static bool
is_memory(const char *at, const char *end)
{
	return begins_with(at, end, "/memfd:") ||
	       begins_with(at, end, "/dev/zero") ||
	       begins_with(at, end, "/dev/shm/") ||
	       begins_with(at, end, "/dev/hugepages") ||
	       begins_with(at, end, "/SYSV");
}

/* Libraries known to keep blocks without pointing to them.  SWI-Prolog's
 * growing arrays are kept as block minus index, so that all of them have one
 * base.  Fontconfig's structures lie in files as they do in memory; Berkeley
 * DB's in memory that several processes share: both link them by distances
 * (FcPtrToOffset, SH_TAILQ).
 */
static uint32_t
flags_of_code(const char *at, const char *end)
{
	static const struct {
		const char *name;
		uint32_t flag;
	} libraries[] = {
	    {"libswipl.so", GCM_MAP_HIDER},
	    {"libfontconfig.so", GCM_MAP_OFFSETS}, {"libdb-", GCM_MAP_OFFSETS},
	    {"libdb_", GCM_MAP_OFFSETS}, /* cxx, sql, stl, java */
	};
	const char *name = at;

	for (; at < end; at++)
		if (*at == '/')
			name = at + 1;
	for (size_t i = 0; i < sizeof(libraries) / sizeof(libraries[0]); i++)
		if (begins_with(name, end, libraries[i].name))
			return libraries[i].flag;
	return 0;
}

static uint32_t
flags_of_name(const char *at, const char *end)
{
	static const char *const kernels[] = {"[vdso]", "[vvar", "[vsyscall]",
	    "[uprobes]", "[vectors]", "[sigpage]", "[timens"};

	if (at < end && *at != '[')
		return (is_device(at, end) ? GCM_MAP_DEVICE : 0u) |
		       (is_memory(at, end) ? GCM_MAP_MEMORY : 0u);
	if (begins_with(at, end, "[stack]"))
		return GCM_MAP_STACK;
	for (size_t i = 0; i < sizeof(kernels) / sizeof(kernels[0]); i++)
		if (begins_with(at, end, kernels[i]))
			return GCM_MAP_KERNEL;
	return 0;
}

static bool
parse_line(const char *at, const char *end, struct gcm_mapping *mapping)
{
	uint32_t flags = 0;

	if (!parse_hex(&at, end, &mapping->lo) || at == end || *at++ != '-' ||
	    !parse_hex(&at, end, &mapping->hi) || end - at < 6)
		return false;
	flags |= at[1] == 'r' ? GCM_MAP_READ : 0u;
	flags |= at[2] == 'w' ? GCM_MAP_WRITE : 0u;
	flags |= at[3] == 'x' ? GCM_MAP_EXEC : 0u;
	flags |= at[4] == 's' ? GCM_MAP_SHARED : 0u;
	at = skip_word(at + 1, end); /* permissions */
	at = skip_word(at, end);     /* offset */
	at = skip_word(at, end);     /* device */
	if (at == end)
		return false;
	flags |= *at != '0' ? GCM_MAP_FILE : 0u; /* inode */
	at = skip_word(at, end);
	mapping->flags = flags | flags_of_name(at, end);
	if ((flags & GCM_MAP_EXEC) != 0)
		mapping->flags |= flags_of_code(at, end);
	mapping->mark = 0;
	return true;
}

static int
parse_text(struct gcm_maps *maps, const char *at, const char *end)
{
	uintptr_t last = 0;

	while (at < end) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		struct gcm_mapping mapping;

		if (stop == NULL || !parse_line(at, stop, &mapping))
			return -EINVAL;
		at = stop + 1;
		if (mapping.lo < last)
			mapping.lo = last;
		if (mapping.lo >= mapping.hi)
			continue;
		last = mapping.hi;
		if (maps->count == maps->room &&
		    grow_list(maps, maps->room * 2) != 0)
			return -ENOMEM;
		maps->list[maps->count++] = mapping;
	}
	return 0;
}

int
gcm_maps_read(struct gcm_maps *maps)
{
	int fd, error;
	long len;

	maps->count = 0;
	error = gcm_maps_reserve(maps, FIRST);
	if (error != 0)
		return error;
	fd = open_maps();
	if (fd < 0)
		return fd;
	len = read_text(maps, fd);
	gcm_os_close(fd);
	if (len == 0) /* no address space: not ours, or no more */
		return -ESRCH;
	error =
	    len < 0 ? (int)len : parse_text(maps, maps->text, maps->text + len);
	if (error != 0)
		maps->count = 0;
	return error;
}

void
gcm_maps_drop(struct gcm_maps *maps)
{
	gcm_own_unmap(maps->list, maps->room * sizeof(*maps->list));
	gcm_own_unmap(maps->text, maps->text_len);
	memset(maps, 0, sizeof(*maps));
}

struct gcm_mapping *
gcm_maps_find(const struct gcm_maps *maps, uintptr_t addr)
{
	size_t lo = 0, hi = maps->count;

	while (lo < hi) {
		size_t middle = lo + (hi - lo) / 2;

		if (maps->list[middle].hi <= addr)
			lo = middle + 1;
		else
			hi = middle;
	}
	return lo < maps->count ? &maps->list[lo] : NULL;
}
