#ifndef GCM_CORE_LIMIT_H
#define GCM_CORE_LIMIT_H
#include "core/base.h"
static inline uint32_t
gcm_limit_cpus(void)
{
	return 2;
}
static inline uint64_t
gcm_limit_soft(void)
{
	return UINT64_MAX;
}
#endif
