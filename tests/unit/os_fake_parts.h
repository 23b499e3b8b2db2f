/* os_fake_parts.h -- what the files of the fake tell each other */
#ifndef GCM_TESTS_OS_FAKE_PARTS_H
#define GCM_TESTS_OS_FAKE_PARTS_H

#include "os_fake.h"

/* The caller broke the contract of os.h, or the test ours. */
_Noreturn void os_fake_break(const char *what);

/* Count a call: 0, or -errno when it must fail. */
int os_fake_count_call(enum os_fake_call call);
int os_fake_must_fail(enum os_fake_call call); /* counts as OS_ANY too */

/* In a forked child: the thread is not there. */
void os_fake_forget_thread(void);

/* Nothing was written yet. */
void os_fake_forget_texts(void);

/* Is it a socket?  Then it is closed. */
bool os_fake_close_socket(int fd);

/* Ranges of memory that are ours. */
void os_fake_range_add(uintptr_t lo, uintptr_t hi);
void os_fake_range_drop(uintptr_t lo, uintptr_t hi);
size_t os_fake_range_sum(void);

#endif
