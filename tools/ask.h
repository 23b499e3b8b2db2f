/* ask.h -- gcmalloc stat, set and dump: what a running process answers */
#ifndef GCM_TOOLS_ASK_H
#define GCM_TOOLS_ASK_H

/* PID | --all, [--json|--prometheus]; the exit status. */
int show_figures(char **argv);

/* PID NAME=VALUE... */
int set_options(char **argv);

/* PID */
int dump_trace(char **argv);

#endif
