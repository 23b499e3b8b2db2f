/* signal.h -- our signal, kept from the program's sight and out of its masks
 */
#ifndef GCM_PRELOAD_SIGNAL_H
#define GCM_PRELOAD_SIGNAL_H

#include <signal.h>

#include "core/core.h"

/* The constructor, after gcm_stop_init. */
void gcm_signal_init(void);

/* A set to wait with or for, without our signal: `set` itself, or a copy in
 * *open.  NULL stays NULL.  gcm_signal_spare is for sets of signals that the
 * program wants to take: if it names ours, ours becomes another.
 */
const sigset_t *gcm_signal_open(const sigset_t *set, sigset_t *open);
const sigset_t *gcm_signal_spare(const sigset_t *set, sigset_t *open);

/* syscall(SYS_rt_sigprocmask, arg...), syscall(SYS_rt_sigaction, arg...). */
long gcm_signal_raw_mask(long (*next)(long, ...), const long *arg);
void gcm_signal_raw_action(const long *arg);

#endif
