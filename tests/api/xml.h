/* xml.h -- enough of XML to read what malloc_info writes
 *
 * Elements with attributes, no text, no entities.  What is not well-formed
 * fails the case.
 */
#ifndef GCM_TESTS_XML_H
#define GCM_TESTS_XML_H

#include <stddef.h>

enum {
	XML_ELEMENTS = 4000,
	XML_ATTRIBUTES = 6,
	XML_DEPTH = 8,
	XML_PATH = 100
};

struct xml_element {
	char path[XML_PATH]; /* "malloc/heap/total" */
	struct {
		const char *name, *value;
	} attributes[XML_ATTRIBUTES];
	size_t nattributes;
};

struct xml {
	struct xml_element elements[XML_ELEMENTS];
	size_t nelements;
};

/* Cuts the text into pieces that the result points to. */
void xml_parse(struct xml *xml, char *text);

/* The attribute of the first element there; it must exist. */
const char *xml_value(
    const struct xml *xml, const char *path, const char *name);

/* The sum of a number over the elements there, all or those where the
 * attribute `key` is `value`.
 */
size_t xml_sum(const struct xml *xml, const char *path, const char *key,
    const char *value, const char *name);

size_t xml_count(const struct xml *xml, const char *path);

#endif
