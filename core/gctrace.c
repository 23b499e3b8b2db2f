/* gctrace.c -- scaffold */
#include "core/gctrace.h"
#include "core/arch.h"
#include "core/os.h"
#include <sys/syscall.h>
bool
gcm_report_write_apart(const struct gcm_text *text)
{
	long p = gcm_arch_syscall(434, gcm_os_pid(), 0, 0, 0, 0, 0);
	long fd = gcm_arch_syscall(438, p, 2, 0, 0, 0, 0);
	gcm_os_write((int)fd, text->start, (size_t)(text->at - text->start));
	gcm_os_close((int)fd);
	gcm_os_close((int)p);
	return true;
}
static void
add(struct gcm_text *t, const char *n, uint64_t v)
{
	gcm_text_add(t, n);
	gcm_text_add_unsigned(t, v);
}
void
gcm_gctrace_write(const struct gcm_cycle_report *r, bool periodic)
{
	char b[900];
	struct gcm_text t;
	gcm_text_init(&t, b, sizeof b);
	add(&t, "gc ", r->number);
	add(&t, " @ms ", r->at_ns / 1000000);
	add(&t, " mark us ", r->trace.mark_ns / 1000);
	add(&t, " cpu us ", r->trace.mark_cpu_ns / 1000);
	for (uint32_t i = 0; i < r->trace.npauses; i++)
		add(&t, " P", r->trace.pauses[i] / 1000);
	add(&t, " us heap ", r->heap_start >> 10);
	add(&t, "->", r->heap_marked >> 10);
	add(&t, "->", r->heap_live >> 10);
	add(&t, " goal ", r->goal >> 10);
	add(&t, " stacks ", r->trace.stack_bytes >> 10);
	add(&t, " globals ", r->trace.global_bytes >> 10);
	add(&t, " reclaimed ", r->reclaimed_bytes);
	add(&t, " in ", r->reclaimed_blocks);
	add(&t, " limbo ", r->limbo_bytes);
	add(&t, " marked ", r->trace.marked_blocks);
	add(&t, " why ", r->why);
	gcm_text_add(&t, r->forced ? " (forced)\n" : "\n");
	(void)periodic;
	gcm_report_write_apart(&t);
}
