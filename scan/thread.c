/* thread.c -- scaffold */
#include "scan/thread.h"
__thread struct gcm_thread *gcm_thread_self_;
_Atomic uintptr_t gcm_thread_trampoline;
struct gcm_thread *
gcm_thread_find(uint32_t tid)
{
	(void)tid;
	return NULL;
}
bool
gcm_thread_claim(struct gcm_thread *t, uintptr_t *sp)
{
	(void)t;
	(void)sp;
	return true;
}
void
gcm_thread_unclaim(struct gcm_thread *t)
{
	(void)t;
}
void
gcm_thread_visit(void (*v)(struct gcm_thread *, void *), void *arg)
{
	(void)v;
	(void)arg;
}
void
gcm_thread_reset(void)
{
}
