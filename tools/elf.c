/* elf.c -- what an executable file says of itself
 *
 * MODEL   Read piece by piece; each piece is believed only as far as the file
 *         goes.  Symbols come by the section headers: a file without them has
 *         none as far as we know.
 */
#include "tools/elf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	SEGMENTS_MOST = 256,
	SECTIONS_MOST = 65535,
	TABLE_MOST = 256 << 20
};

struct image {
	int fd;
	uint64_t size;
	Elf64_Phdr *segments;
	size_t nsegments;
};

/* A piece of the file, and a '\0' behind it; NULL: it is not all there. */
static void *
read_piece(const struct image *image, uint64_t at, uint64_t len)
{
	char *piece;

	if (len == 0 || len > TABLE_MOST || at > image->size ||
	    len > image->size - at)
		return NULL;
	piece = malloc((size_t)len + 1);
	if (piece == NULL)
		return NULL;
	piece[len] = '\0';
	if (pread(image->fd, piece, (size_t)len, (off_t)at) == (ssize_t)len)
		return piece;
	free(piece);
	return NULL;
}

/* Where in the file an address of the program is; 0: nowhere. */
static uint64_t
offset_of_address(const struct image *image, uint64_t addr)
{
	for (size_t i = 0; i < image->nsegments; i++) {
		const Elf64_Phdr *segment = &image->segments[i];

		if (segment->p_type == PT_LOAD && addr >= segment->p_vaddr &&
		    addr - segment->p_vaddr < segment->p_filesz)
			return segment->p_offset + addr - segment->p_vaddr;
	}
	return 0;
}

static void
read_interpreter(
    const struct image *image, const Elf64_Phdr *segment, struct elf *elf)
{
	char *name = read_piece(image, segment->p_offset, segment->p_filesz);

	if (name != NULL && strlen(name) < sizeof(elf->interpreter))
		strcpy(elf->interpreter, name);
	free(name);
}

static void
read_dynamic(
    const struct image *image, const Elf64_Phdr *segment, struct elf *elf)
{
	uint64_t strings = 0, length = 0;

	if (elf->dynamic != NULL)
		return;
	elf->dynamic = read_piece(image, segment->p_offset, segment->p_filesz);
	if (elf->dynamic == NULL)
		return;
	elf->ndynamic = (size_t)segment->p_filesz / sizeof(Elf64_Dyn);
	for (size_t i = 0; i < elf->ndynamic; i++) {
		if (elf->dynamic[i].d_tag == DT_NULL)
			elf->ndynamic = i;
		else if (elf->dynamic[i].d_tag == DT_STRTAB)
			strings = elf->dynamic[i].d_un.d_ptr;
		else if (elf->dynamic[i].d_tag == DT_STRSZ)
			length = elf->dynamic[i].d_un.d_val;
	}
	strings = offset_of_address(image, strings);
	elf->strings = strings == 0 ? NULL : read_piece(image, strings, length);
	elf->nstrings = elf->strings == NULL ? 0 : (size_t)length;
}

static void
read_symbols(
    const struct image *image, const Elf64_Ehdr *header, struct elf *elf)
{
	Elf64_Shdr *sections;

	if (header->e_shentsize != sizeof(*sections))
		return;
	sections = read_piece(image, header->e_shoff,
	    (uint64_t)header->e_shnum * sizeof(*sections));
	for (size_t i = 0; sections != NULL && i < header->e_shnum; i++) {
		const Elf64_Shdr *section = &sections[i], *names;

		if (section->sh_type != SHT_DYNSYM || elf->symbols != NULL ||
		    section->sh_link >= header->e_shnum)
			continue;
		names = &sections[section->sh_link];
		elf->symbols =
		    read_piece(image, section->sh_offset, section->sh_size);
		elf->nsymbols = (size_t)section->sh_size / sizeof(Elf64_Sym);
		elf->names =
		    read_piece(image, names->sh_offset, names->sh_size);
		elf->nnames = elf->names == NULL ? 0 : (size_t)names->sh_size;
	}
	free(sections);
}

static void
read_ours(struct image *image, const Elf64_Ehdr *header, struct elf *elf)
{
	if (header->e_phentsize != sizeof(*image->segments) ||
	    header->e_phnum > SEGMENTS_MOST)
		return;
	image->segments = read_piece(image, header->e_phoff,
	    (uint64_t)header->e_phnum * sizeof(*image->segments));
	image->nsegments = image->segments == NULL ? 0 : header->e_phnum;
	for (size_t i = 0; i < image->nsegments; i++) {
		if (image->segments[i].p_type == PT_INTERP)
			read_interpreter(image, &image->segments[i], elf);
		if (image->segments[i].p_type == PT_DYNAMIC)
			read_dynamic(image, &image->segments[i], elf);
	}
	read_symbols(image, header, elf);
	free(image->segments);
}

static int
read_open_file(struct image *image, struct elf *elf)
{
	Elf64_Ehdr header = {0};
	struct stat stat;
	ssize_t got;

	if (fstat(image->fd, &stat) != 0)
		return -errno;
	image->size = (uint64_t)stat.st_size;
	got = pread(image->fd, &header, sizeof(header), 0);
	if (got < 0)
		return -errno;
	/* Up to e_machine all classes are alike. */
	if (got < (ssize_t)sizeof(Elf32_Ehdr) ||
	    memcmp(header.e_ident, ELFMAG, SELFMAG) != 0)
		return 1;
	elf->class_id = header.e_ident[EI_CLASS];
	elf->data = header.e_ident[EI_DATA];
	elf->type = header.e_type;
	elf->machine = header.e_machine;
	if (elf->class_id == ELFCLASS64 && elf->data == ELFDATA2LSB)
		read_ours(image, &header, elf);
	return 0;
}

int
read_elf(const char *path, struct elf *elf)
{
	struct image image = {.fd = -1};
	int error;

	memset(elf, 0, sizeof(*elf));
	image.fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (image.fd < 0)
		return -errno;
	error = read_open_file(&image, elf);
	close(image.fd);
	return error;
}

void
drop_elf(struct elf *elf)
{
	free(elf->strings);
	free(elf->dynamic);
	free(elf->names);
	free(elf->symbols);
}

const char *
needed_by_elf(const struct elf *elf, size_t i)
{
	for (size_t at = 0; at < elf->ndynamic; at++) {
		const Elf64_Dyn *entry = &elf->dynamic[at];

		if (entry->d_tag == DT_NEEDED &&
		    entry->d_un.d_val < elf->nstrings && i-- == 0)
			return elf->strings + entry->d_un.d_val;
	}
	return NULL;
}

bool
defined_by_elf(const struct elf *elf, const char *name)
{
	for (size_t i = 0; elf->symbols != NULL && i < elf->nsymbols; i++) {
		const Elf64_Sym *symbol = &elf->symbols[i];

		if (symbol->st_shndx != SHN_UNDEF &&
		    symbol->st_name < elf->nnames &&
		    strcmp(elf->names + symbol->st_name, name) == 0)
			return true;
	}
	return false;
}

unsigned int
machine_of_ours(void)
{
	static unsigned int machine;
	struct elf self;

	if (machine == 0 && read_elf("/proc/self/exe", &self) == 0) {
		machine = self.machine;
		drop_elf(&self);
	}
	return machine;
}

const char *
name_of_machine(unsigned int machine)
{
	static const struct {
		unsigned int machine;
		const char *name;
	} names[] = {
	    {EM_X86_64, "x86-64"},
	    {EM_AARCH64, "aarch64"},
	    {EM_386, "i386"},
	    {EM_ARM, "arm"},
	    {EM_PPC64, "ppc64"},
	    {EM_S390, "s390x"},
	    {EM_RISCV, "riscv"},
	    {EM_MIPS, "mips"},
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].machine == machine)
			return names[i].name;
	return "an unknown machine";
}
