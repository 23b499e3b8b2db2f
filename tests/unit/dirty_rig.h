/* dirty_rig.h -- what the tests of write tracking share */
#ifndef GCM_TESTS_DIRTY_RIG_H
#define GCM_TESTS_DIRTY_RIG_H

#include "real.h"
#include "scan/dirty.h"

extern struct real_told told; /* by the last dirty_take */
extern size_t page;

/* Run the tests, or skip them where the system cannot track (before Linux 6.7,
 * userfaultfd refused).
 */
int dirty_run(const char *name, void (*add_tests)(TCase *tcase));

void dirty_begin(void);
void dirty_take(char *at, size_t npages, bool again);
int dirty_watch(char *at, size_t npages);
int dirty_arm(char *at, size_t npages);

/* Pages that are there, tracked and armed. */
char *dirty_map(size_t npages);

/* Write to memory as the kernel does for somebody. */
void dirty_write_vm(char *to, const void *from, size_t len);
void dirty_write_read(char *to, const void *from, size_t len);

#endif
