/* image.h -- the dynamic symbols of a loaded object */
#ifndef GCM_PRELOAD_IMAGE_H
#define GCM_PRELOAD_IMAGE_H

#include <link.h>

#include "core/core.h"

struct gcm_image {
	uintptr_t base;
	Elf64_Sym *symbols;
	const char *strings;
	const uint32_t *hash; /* DT_GNU_HASH */
	uintptr_t strings_end;
	uintptr_t lo;   /* of the segment with the symbols */
	uint32_t flags; /* PF_* of it */
};

/* Does addr lie in a segment of the object? */
bool gcm_image_holds(const struct dl_phdr_info *info, const void *addr);

/* Read an object's tables; false when one of them is not there. */
bool gcm_image_read(const struct dl_phdr_info *info, struct gcm_image *image);

/* Call visit for each function that the object defines. */
void gcm_image_visit(const struct gcm_image *image,
    void (*visit)(Elf64_Sym *symbol, void *arg), void *arg);

/* The next definition of `name` after `before` (NULL: the first); there is one
 * for each version.  NULL: no more.
 */
Elf64_Sym *gcm_image_find(
    const struct gcm_image *image, const char *name, Elf64_Sym *before);

#endif
