#ifndef SCAF_H
#define SCAF_H
#include "scan/pages.h"
#include <sys/ioctl.h>
struct page_region_ {
	uint64_t start, end, categories;
};
struct pm_scan_arg_ {
	uint64_t size, flags, start, end, walk_end, vec, vec_len, max_pages,
	    category_inverted, category_mask, category_anyof_mask, return_mask;
};
#define PAGEMAP_SCAN_ _IOWR('f', 16, struct pm_scan_arg_)
extern int scaf_fd;
int scaf_scan(uintptr_t lo, uintptr_t hi, uint64_t flags, uint64_t inverted,
    uint64_t mask, uint64_t any, gcm_range_visitor visit, void *arg);
#endif
