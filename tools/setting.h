/* setting.h -- the library's options on a command line */
#ifndef GCM_TOOLS_SETTING_H
#define GCM_TOOLS_SETTING_H

struct option_row;

enum {
	SWITCH_BYTES = 64
};

/* "--percent" of a row, in a buffer of SWITCH_BYTES. */
void name_switch(const struct option_row *row, char *name);

/* May its value be left out? */
int is_bare_switch(const struct option_row *row);

/* Put the options at the head of argv into the environment, up to what is none
 * or to a "--".  What is left, or NULL: said what was wrong.
 */
char **take_settings(const char *verb, char **argv);

#endif
