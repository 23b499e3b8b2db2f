/* image.c -- the dynamic symbols of a loaded object
 *
 * MODEL   What the loader itself reads: program headers, the dynamic section,
 *         and GNU's hash table, whose buckets hold the first symbol of a chain
 *         and whose chains hold a hash for each symbol, the last one's odd.
 */
#include "preload/image.h"

#include <string.h>

bool
gcm_image_holds(const struct dl_phdr_info *info, const void *addr)
{
	for (unsigned int i = 0; i < info->dlpi_phnum; i++) {
		const Elf64_Phdr *segment = &info->dlpi_phdr[i];

		if (segment->p_type == PT_LOAD &&
		    (uintptr_t)addr - info->dlpi_addr - segment->p_vaddr <
			segment->p_memsz)
			return true;
	}
	return false;
}

/* The loader turns offsets into addresses, but not in every object. */
static uintptr_t
find_table(const struct gcm_image *image, const Elf64_Dyn *entry)
{
	uintptr_t value = (uintptr_t)entry->d_un.d_ptr;

	return value < image->base ? value + image->base : value;
}

static void
read_dynamic(struct gcm_image *image, const Elf64_Dyn *entry)
{
	size_t length = 0;

	for (; entry->d_tag != DT_NULL; entry++) {
		switch (entry->d_tag) {
		case DT_SYMTAB:
			image->symbols = (Elf64_Sym *)find_table(image, entry);
			break;
		case DT_STRTAB:
			image->strings = (const char *)find_table(image, entry);
			break;
		case DT_GNU_HASH:
			image->hash =
			    (const uint32_t *)find_table(image, entry);
			break;
		case DT_STRSZ:
			length = (size_t)entry->d_un.d_val;
			break;
		default:
			break;
		}
	}
	image->strings_end = (uintptr_t)image->strings + length;
}

bool
gcm_image_read(const struct dl_phdr_info *info, struct gcm_image *image)
{
	const Elf64_Phdr *segment = info->dlpi_phdr;
	const Elf64_Phdr *end = segment + info->dlpi_phnum;

	*image = (struct gcm_image){.base = (uintptr_t)info->dlpi_addr};
	for (; segment < end; segment++)
		if (segment->p_type == PT_DYNAMIC)
			read_dynamic(
			    image, (const Elf64_Dyn *)(image->base +
						       segment->p_vaddr));
	for (segment = info->dlpi_phdr; segment < end; segment++) {
		uintptr_t lo = image->base + segment->p_vaddr;

		if (segment->p_type != PT_LOAD ||
		    (uintptr_t)image->symbols - lo >= segment->p_memsz)
			continue;
		image->lo = lo;
		image->flags = segment->p_flags;
	}
	return image->symbols != NULL && image->strings != NULL &&
	       image->hash != NULL && image->lo != 0;
}

struct hash {
	uint32_t nbuckets, first; /* first: number of the first symbol hashed */
	const uint32_t *buckets, *chains;
};

static struct hash
read_hash(const struct gcm_image *image)
{
	struct hash hash = {image->hash[0], image->hash[1], NULL, NULL};
	uint32_t nfilter = image->hash[2];

	hash.buckets =
	    image->hash + 4 + nfilter * (sizeof(Elf64_Addr) / sizeof(uint32_t));
	hash.chains = hash.buckets + hash.nbuckets;
	return hash;
}

static bool
is_function(const Elf64_Sym *symbol)
{
	return symbol->st_shndx != SHN_UNDEF && symbol->st_value != 0 &&
	       ELF64_ST_TYPE(symbol->st_info) == STT_FUNC;
}

void
gcm_image_visit(const struct gcm_image *image,
    void (*visit)(Elf64_Sym *symbol, void *arg), void *arg)
{
	struct hash hash = read_hash(image);

	for (uint32_t i = 0; i < hash.nbuckets; i++) {
		uint32_t at = hash.buckets[i];

		if (at < hash.first)
			continue; /* an empty bucket */
		do {
			if (is_function(&image->symbols[at]))
				visit(&image->symbols[at], arg);
		} while ((hash.chains[at++ - hash.first] & 1) == 0);
	}
}

static uint32_t
hash_name(const char *name)
{
	uint32_t value = 5381;

	for (; *name != '\0'; name++)
		value = value * 33 + (unsigned char)*name;
	return value;
}

Elf64_Sym *
gcm_image_find(
    const struct gcm_image *image, const char *name, Elf64_Sym *before)
{
	struct hash hash = read_hash(image);
	uint32_t value = hash_name(name);
	uint32_t at = hash.buckets[value % hash.nbuckets];
	uint32_t seen;

	if (at < hash.first)
		return NULL;
	do {
		Elf64_Sym *symbol = &image->symbols[at];

		seen = hash.chains[at++ - hash.first];
		if ((before == NULL || symbol > before) &&
		    (seen | 1) == (value | 1) && is_function(symbol) &&
		    strcmp(image->strings + symbol->st_name, name) == 0)
			return symbol;
	} while ((seen & 1) == 0);
	return NULL;
}
