/* elf.h -- what an executable file says of itself */
#ifndef GCM_TOOLS_ELF_H
#define GCM_TOOLS_ELF_H

#include <elf.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

struct elf {
	unsigned char class_id;     /* ELFCLASS64... */
	unsigned char data;         /* ELFDATA2LSB... */
	unsigned int machine;       /* EM_... */
	unsigned int type;          /* ET_... */
	char interpreter[PATH_MAX]; /* its loader; empty: none */
	/* For files of our class and byte order only: */
	char *strings; /* of the dynamic section, ending in '\0', or NULL */
	size_t nstrings;
	Elf64_Dyn *dynamic; /* or NULL */
	size_t ndynamic;
	char *names; /* of the dynamic symbols, ending in '\0', or NULL */
	size_t nnames;
	Elf64_Sym *symbols; /* or NULL */
	size_t nsymbols;
};

/* Read a file's facts: 0, 1: it is no ELF file, or -errno.  Whatever the file
 * holds, nothing but these facts comes of it.  drop_elf after 0.
 */
int read_elf(const char *path, struct elf *elf);
void drop_elf(struct elf *elf);

/* The i-th library it needs; NULL: no more. */
const char *needed_by_elf(const struct elf *elf, size_t i);

/* Does it define a dynamic symbol of that name? */
bool defined_by_elf(const struct elf *elf, const char *name);

/* What this command runs on. */
unsigned int machine_of_ours(void);
const char *name_of_machine(unsigned int machine);

#endif
