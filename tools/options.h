/* options.h -- the library's options, as text */
#ifndef GCM_TOOLS_OPTIONS_H
#define GCM_TOOLS_OPTIONS_H

/* All to stdout: for --help, for docs/options.md, for the manual page. */
void print_option_help(void);
void print_option_markdown(void);
void print_option_manual(void);

#endif
