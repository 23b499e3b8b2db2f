/* maps.c -- scaffold */
#include "scan/maps.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
static char text[4 << 20];
static uint64_t
hex(const char **p)
{
	uint64_t v = 0;
	for (;; ++*p) {
		char c = **p;
		if (c >= '0' && c <= '9')
			v = v * 16 + (uint64_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			v = v * 16 + (uint64_t)(c - 'a' + 10);
		else
			return v;
	}
}
int
gcm_maps_read(struct gcm_maps *maps)
{
	long fd = gcm_arch_syscall(SYS_openat, AT_FDCWD,
		 (long)"/proc/self/maps", O_RDONLY | O_CLOEXEC, 0, 0, 0),
	     got;
	size_t len = 0;
	maps->count = 0;
	if (fd < 0)
		return (int)fd;
	if (maps->list == NULL) {
		maps->room = 60000;
		maps->list = gcm_own_map(maps->room * sizeof(*maps->list));
	}
	while ((got = gcm_arch_syscall(SYS_read, fd, (long)(text + len),
		    (long)(sizeof(text) - 1 - len), 0, 0, 0)) > 0)
		len += (size_t)got;
	gcm_os_close((int)fd);
	text[len] = 0;
	const char *p = text;
	while (*p) {
		struct gcm_mapping *m = &maps->list[maps->count++];
		m->mark = 0;
		m->lo = hex(&p);
		p++;
		m->hi = hex(&p);
		p++;
		m->flags = (p[0] == 'r' ? 1u : 0) | (p[1] == 'w' ? 2u : 0) |
			   (p[2] == 'x' ? 4u : 0) | (p[3] == 's' ? 8u : 0);
		p += 5;
		hex(&p);
		p++;
		hex(&p);
		p++;
		hex(&p);
		p++;
		if (*p != '0')
			m->flags |= GCM_MAP_FILE;
		while (*p >= '0' && *p <= '9')
			p++;
		while (*p == ' ')
			p++;
		if (strncmp(p, "[stack]", 7) == 0)
			m->flags |= GCM_MAP_STACK;
		else if (strncmp(p, "[v", 2) == 0)
			m->flags |= GCM_MAP_KERNEL;
		else if (strncmp(p, "/dev/", 5) == 0 &&
			 strncmp(p, "/dev/zero", 9) &&
			 strncmp(p, "/dev/shm", 8))
			m->flags |= GCM_MAP_DEVICE;
		while (*p && *p != '\n')
			p++;
		if (*p)
			p++;
	}
	return 0;
}
struct gcm_mapping *
gcm_maps_find(const struct gcm_maps *maps, uintptr_t addr)
{
	for (size_t i = 0; i < maps->count; i++)
		if (maps->list[i].hi > addr)
			return &maps->list[i];
	return NULL;
}
void
gcm_maps_close(void)
{
}
