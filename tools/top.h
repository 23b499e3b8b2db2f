/* top.h -- gcmalloc top: watch the processes that run with the library */
#ifndef GCM_TOOLS_TOP_H
#define GCM_TOOLS_TOP_H

struct sample;

int watch_processes(char **argv);

struct watch {
	unsigned int interval_ms;
	unsigned long count; /* times; 0: until it is quit */
};

/* On the terminal, until quit; 0, or -1: it is none that can be drawn on. */
int watch_on_screen(struct sample *sample, struct watch *watch);

#endif
