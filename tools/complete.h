/* complete.h -- completion for shells, from the table of verbs */
#ifndef GCM_TOOLS_COMPLETE_H
#define GCM_TOOLS_COMPLETE_H

void print_bash_completion(void);
void print_zsh_completion(void);

#endif
