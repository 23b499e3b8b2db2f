/* ctl.c -- mallctl: jemalloc's figures and switches by name
 *
 * MODEL   Names and values stand in ctl.def; ctl_value.c says what they are
 *         worth.  Errors are those of jemalloc's manual: ENOENT for a name or
 *         number that is not there, EPERM for a write to what is only read,
 *         EINVAL for a size that is not the value's (as much as fits is still
 *         read).
 *
 *         A number in place of a part of a name (a MIB's) is the first row
 *         whose name begins with the parts up to there; so the last number of
 *         a whole name is its row.
 */
#include "preload/ctl.h"

#include <errno.h>
#include <string.h>

enum {
	DEPTH = 6 /* parts of the longest name */
};

GCM_EXPORT int mallctl(
    const char *name, void *oldp, size_t *oldlenp, void *newp, size_t newlen);
GCM_EXPORT int mallctlnametomib(
    const char *name, size_t *mibp, size_t *miblenp);
GCM_EXPORT int mallctlbymib(const size_t *mib, size_t miblen, void *oldp,
    size_t *oldlenp, void *newp, size_t newlen);

const struct gcm_ctl_row gcm_ctl_rows[GCM_CTL_NKEYS] = {
#define READ(key, name, type, value) {name, GCM_CTL_##type, GCM_CTL_READ},
#define SET(key, name, type, value) {name, GCM_CTL_##type, GCM_CTL_SET},
#define ACT(key, name) {name, GCM_CTL_VOID, GCM_CTL_ACT},
#include "preload/ctl.def"
#undef READ
#undef SET
#undef ACT
};

/* One call ----------------------------------------------------------------- */

static size_t
size_of_type(uint8_t type)
{
	return type == GCM_CTL_BOOL ? 1 : type == GCM_CTL_UINT32 ? 4 : 8;
}

/* As much as there is room for, and EINVAL when that is not the exact size. */
static int
give_value(uint8_t type, uint64_t value, void *oldp, size_t *oldlenp)
{
	size_t len = size_of_type(type);
	uint32_t half = (uint32_t)value;
	uint8_t flag = value != 0;
	const void *from = &value;

	if (oldp == NULL || oldlenp == NULL)
		return 0;
	if (type == GCM_CTL_BOOL)
		from = &flag;
	if (type == GCM_CTL_UINT32)
		from = &half;
	if (*oldlenp == len) {
		memcpy(oldp, from, len);
		return 0;
	}
	if (*oldlenp > len)
		*oldlenp = len;
	memcpy(oldp, from, *oldlenp);
	return EINVAL;
}

static uint64_t
take_value(uint8_t type, const void *newp)
{
	uint64_t value = 0;
	uint32_t half = 0;

	if (type == GCM_CTL_BOOL)
		return *(const uint8_t *)newp != 0;
	if (type == GCM_CTL_UINT32) {
		memcpy(&half, newp, sizeof(half));
		return half;
	}
	memcpy(&value, newp, sizeof(value));
	return value;
}

/* The old value is read first, but a new epoch is known only afterwards. */
static int
exchange_value(enum gcm_ctl_key key, const size_t *index, void *oldp,
    size_t *oldlenp, const void *newp, size_t newlen)
{
	uint8_t type = gcm_ctl_rows[key].type;
	uint64_t value = 0;
	int error;

	if (newp != NULL) {
		if (newlen != size_of_type(type))
			return EINVAL;
		value = take_value(type, newp);
	}
	if (newp != NULL && key == GCM_CTL_EPOCH) {
		error = gcm_ctl_store(key, value);
		newp = NULL;
		if (error != 0)
			return error;
	}
	error = give_value(type, gcm_ctl_read(key, index), oldp, oldlenp);
	if (error == 0 && newp != NULL)
		error = gcm_ctl_store(key, value);
	return error;
}

static int
give_new_arena(void *oldp, size_t *oldlenp, bool hooks)
{
	uint32_t arena;

	if (oldp == NULL || oldlenp == NULL || *oldlenp != sizeof(arena))
		return EINVAL;
	arena = hooks ? 0 : gcm_ctl_create_arena();
	return arena == 0 ? EAGAIN
			  : give_value(GCM_CTL_UINT32, arena, oldp, oldlenp);
}

static int
use_key(enum gcm_ctl_key key, const size_t *index, void *oldp, size_t *oldlenp,
    void *newp, size_t newlen)
{
	uint8_t access = gcm_ctl_rows[key].access;
	bool reads = oldp != NULL || oldlenp != NULL;
	bool writes = newp != NULL || newlen != 0;

	if (key == GCM_CTL_N_CREATE)
		return give_new_arena(oldp, oldlenp, writes);
	if ((access == GCM_CTL_READ && writes) ||
	    (access == GCM_CTL_ACT && (reads || writes)))
		return EPERM;
	if (access == GCM_CTL_ACT)
		return gcm_ctl_act(key, index);
	return exchange_value(key, index, oldp, oldlenp, newp, newlen);
}

/* Names -------------------------------------------------------------------- */

/* Is there such a number below a part of that name? */
static bool
has_index(const char *parent, size_t index)
{
	if (strncmp(parent, "arena", 5) == 0)
		return gcm_ctl_has_arena(index);
	if (strncmp(parent, "bin", 3) == 0)
		return index < GCM_CTL_NBINS;
	return index < GCM_CTL_NLARGE;
}

static bool
read_index(const char *name, size_t len, size_t *index)
{
	size_t value = 0;

	if (len == 0 || len > 9)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (name[i] < '0' || name[i] > '9')
			return false;
		value = value * 10 + (size_t)(name[i] - '0');
	}
	*index = value;
	return true;
}

/* How many parts the name has if the row's begins with them, else 0.  Their
 * numbers go to index.
 */
static unsigned int
match_name(const char *name, const char *row, size_t *index)
{
	const char *parent = row;
	unsigned int depth = 0;

	for (;;) {
		size_t len = strcspn(name, "."), want = strcspn(row, ".");

		if (*row == '#') {
			if (!read_index(name, len, &index[depth]) ||
			    !has_index(parent, index[depth]))
				return 0;
		} else if (len != want || len == 0 ||
			   memcmp(name, row, len) != 0) {
			return 0;
		}
		depth++;
		if (name[len] == '\0')
			return depth;
		if (row[want] == '\0')
			return 0;
		parent = row;
		name += len + 1;
		row += want + 1;
	}
}

static unsigned int
count_parts(const char *row)
{
	unsigned int nparts = 1;

	for (; *row != '\0'; row++)
		nparts += *row == '.';
	return nparts;
}

/* The first row that the name begins, and how many parts it has. */
static enum gcm_ctl_key
find_row(const char *name, size_t *index, unsigned int *depth)
{
	unsigned int key = 0;

	while (key < GCM_CTL_NKEYS) {
		*depth = match_name(name, gcm_ctl_rows[key].name, index);
		if (*depth != 0)
			break;
		key++;
	}
	return (enum gcm_ctl_key)key;
}

GCM_EXPORT int
mallctl(
    const char *name, void *oldp, size_t *oldlenp, void *newp, size_t newlen)
{
	size_t index[DEPTH] = {0};
	enum gcm_ctl_key key;
	unsigned int depth;

	if (!gcm_ctl_begin())
		return EAGAIN;
	key = find_row(name, index, &depth);
	if (key == GCM_CTL_NKEYS ||
	    count_parts(gcm_ctl_rows[key].name) != depth)
		return ENOENT;
	return use_key(key, index, oldp, oldlenp, newp, newlen);
}

/* The first row whose name has the same `depth` parts. */
static size_t
first_of_prefix(const char *row, unsigned int depth)
{
	size_t len = 0, key = 0;

	for (unsigned int i = 0; i < depth; i++)
		len += strcspn(row + len + (i > 0), ".") + (i > 0);
	while (strncmp(gcm_ctl_rows[key].name, row, len) != 0 ||
	       (gcm_ctl_rows[key].name[len] != '.' &&
		   gcm_ctl_rows[key].name[len] != '\0'))
		key++;
	return key;
}

GCM_EXPORT int
mallctlnametomib(const char *name, size_t *mibp, size_t *miblenp)
{
	size_t index[DEPTH] = {0};
	enum gcm_ctl_key key;
	const char *row, *part;
	unsigned int depth;

	if (!gcm_ctl_begin())
		return EAGAIN;
	key = find_row(name, index, &depth);
	if (key == GCM_CTL_NKEYS)
		return ENOENT;
	if (*miblenp > depth)
		*miblenp = depth;
	row = gcm_ctl_rows[key].name;
	part = row;
	for (unsigned int i = 0; i < *miblenp; i++) {
		mibp[i] = *part == '#' ? index[i] : first_of_prefix(row, i + 1);
		part += strcspn(part, ".") + 1;
	}
	return 0;
}

/* Do the numbers of a MIB fit the row's name? */
static bool
has_indexes(const char *row, const size_t *mib)
{
	for (const char *parent = row; *row != '\0'; mib++) {
		size_t len = strcspn(row, ".");

		if (*row == '#' && !has_index(parent, *mib))
			return false;
		parent = row;
		row += len + (row[len] == '.');
	}
	return true;
}

GCM_EXPORT int
mallctlbymib(const size_t *mib, size_t miblen, void *oldp, size_t *oldlenp,
    void *newp, size_t newlen)
{
	enum gcm_ctl_key key;

	if (!gcm_ctl_begin())
		return EAGAIN;
	if (miblen == 0 || mib[miblen - 1] >= GCM_CTL_NKEYS)
		return ENOENT;
	key = (enum gcm_ctl_key)mib[miblen - 1];
	if (count_parts(gcm_ctl_rows[key].name) != miblen ||
	    !has_indexes(gcm_ctl_rows[key].name, mib))
		return ENOENT;
	return use_key(key, mib, oldp, oldlenp, newp, newlen);
}
