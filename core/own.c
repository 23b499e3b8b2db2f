/* own.c -- scaffold */
#include "core/own.h"
#include "core/arch.h"
#include "core/os.h"
#include "core/table.h"
#include <sys/mman.h>
#include <sys/syscall.h>
#define WINDOW (256ull << 30)
static _Atomic size_t used;
extern char __ehdr_start[] __attribute__((visibility("hidden")));
extern char _end[] __attribute__((visibility("hidden")));
static void *
map_own(size_t len, int flags)
{
	len = gcm_round_up(len, 4096);
	uintptr_t at =
	    gcm_zone.lo - WINDOW + atomic_fetch_add(&used, len + 4096);
	long got = gcm_arch_syscall(SYS_mmap, (long)at, (long)len,
	    PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS | 0x100000, -1, 0);
	return got < 0 && got > -4096 ? NULL : (void *)got;
}
void *
gcm_own_map(size_t len)
{
	return map_own(len, MAP_PRIVATE);
}
void *
gcm_own_map_shared(size_t len)
{
	return map_own(len, MAP_SHARED);
}
void *
gcm_own_map_sparse(size_t len)
{
	return map_own(len, MAP_PRIVATE | MAP_NORESERVE);
}
void
gcm_own_unmap(void *addr, size_t len)
{
	gcm_os_unmap(addr, gcm_round_up(len, 4096));
}
bool
gcm_own_has(uintptr_t addr, uintptr_t *end)
{
	uintptr_t b[5][2] = {{gcm_zone.lo - WINDOW, gcm_zone.lo},
	    {(uintptr_t)gcm_state_at(GCM_ZONE_WINDOW),
		(uintptr_t)gcm_state_at(GCM_ZONE_LIMIT)},
	    {(uintptr_t)gcm_page_at(GCM_ZONE_WINDOW),
		(uintptr_t)gcm_page_at(GCM_ZONE_LIMIT)},
	    {(uintptr_t)gcm_bits_at(GCM_ZONE_WINDOW, 0),
		(uintptr_t)gcm_bits_at(GCM_ZONE_LIMIT, 0)},
	    {(uintptr_t)__ehdr_start, (uintptr_t)_end}};
	*end = ~(uintptr_t)0;
	for (int i = 0; i < 5; i++) {
		if (addr >= b[i][0] && addr < b[i][1]) {
			*end = b[i][1];
			return true;
		}
		if (addr < b[i][0] && b[i][0] < *end)
			*end = b[i][0];
	}
	return false;
}
