/* launch.h -- gcmalloc run: a program with the library in place of its malloc
 */
#ifndef GCM_TOOLS_LAUNCH_H
#define GCM_TOOLS_LAUNCH_H

#define LIBRARY "libgcmalloc.so"

/* The library's path in a buffer of PATH_MAX; 0, or -1 when there is none. */
int find_library(char *path);

/* Put the library before whatever is preloaded already; 0 or -1. */
int preload_library(const char *path);

/* Become the program argv[0]; the exit status, as nobody returns else. */
int run_program(char **argv);

/* The exit status for an execve that failed with that error, said on stderr. */
int refuse_program(const char *name, int error);

#endif
