/* xml.c -- enough of XML to read what malloc_info writes */
#define _GNU_SOURCE
#include "xml.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../stress/kit.h"

static char *
skip_space(char *at)
{
	return at + strspn(at, " \t\n");
}

/* A name at *at; ends it there and returns what stood behind it. */
static char
take_name(char **at, char **name)
{
	size_t len = strcspn(*at, " \t\n=/<>\"");
	char end;

	KIT_CHECK(len > 0);
	*name = *at;
	end = (*at)[len];
	(*at)[len] = '\0';
	*at += len;
	return end;
}

/* name="value" pairs up to > or />; the first character was overwritten. */
static char *
read_attributes(struct xml_element *element, char *at, char first, bool *closed)
{
	char end = first;

	for (;;) {
		size_t n = element->nattributes++;
		char *name, *value;

		if (end == ' ' || end == '\t' || end == '\n') {
			at = skip_space(at + 1);
			end = *at;
		}
		if (end == '>' || end == '/') {
			element->nattributes--;
			*closed = end == '/';
			KIT_CHECK(end == '>' || at[1] == '>');
			return at + 1 + *closed;
		}
		KIT_CHECK(n < XML_ATTRIBUTES);
		KIT_CHECK(take_name(&at, &name) == '=' && at[1] == '"');
		value = at + 2;
		at = strchr(value, '"');
		KIT_CHECK(at != NULL);
		*at++ = '\0';
		element->attributes[n].name = name;
		element->attributes[n].value = value;
		end = *at;
		KIT_CHECK(strchr(" \t\n/>", end) != NULL && end != '\0');
	}
}

static void
set_path(struct xml_element *element, char *const *open, size_t depth)
{
	size_t len = 0;

	for (size_t i = 0; i < depth; i++)
		len += (size_t)snprintf(element->path + len, XML_PATH - len,
		    "%s%s", i > 0 ? "/" : "", open[i]);
	KIT_CHECK(len < XML_PATH);
}

void
xml_parse(struct xml *xml, char *text)
{
	char *open[XML_DEPTH], *at = skip_space(text);
	size_t depth = 0;

	memset(xml, 0, sizeof(*xml));
	while (*at != '\0') {
		struct xml_element *element = &xml->elements[xml->nelements];
		bool closed = false;
		char *name, end;

		KIT_CHECK(*at++ == '<');
		if (*at == '/') {
			at++;
			KIT_CHECK(take_name(&at, &name) == '>');
			KIT_CHECK(depth > 0);
			KIT_CHECK(strcmp(name, open[--depth]) == 0);
			at = skip_space(at + 1);
			continue;
		}
		KIT_CHECK(xml->nelements < XML_ELEMENTS && depth < XML_DEPTH);
		KIT_CHECK(depth > 0 || xml->nelements == 0); /* one root */
		end = take_name(&at, &name);
		open[depth++] = name;
		set_path(element, open, depth);
		at = read_attributes(element, at, end, &closed);
		at = skip_space(at);
		depth -= closed;
		xml->nelements++;
	}
	KIT_CHECK(depth == 0 && xml->nelements > 0);
}

static const char *
find_attribute(const struct xml_element *element, const char *name)
{
	for (size_t i = 0; i < element->nattributes; i++) {
		if (strcmp(element->attributes[i].name, name) == 0)
			return element->attributes[i].value;
	}
	return NULL;
}

const char *
xml_value(const struct xml *xml, const char *path, const char *name)
{
	for (size_t i = 0; i < xml->nelements; i++) {
		const struct xml_element *element = &xml->elements[i];
		const char *value = find_attribute(element, name);

		if (strcmp(element->path, path) == 0 && value != NULL)
			return value;
	}
	KIT_FAIL("no %s in %s", name, path);
}

size_t
xml_sum(const struct xml *xml, const char *path, const char *key,
    const char *value, const char *name)
{
	size_t sum = 0;

	for (size_t i = 0; i < xml->nelements; i++) {
		const struct xml_element *element = &xml->elements[i];
		const char *is =
		    key != NULL ? find_attribute(element, key) : NULL;
		const char *number = find_attribute(element, name);
		char *end;

		if (strcmp(element->path, path) != 0)
			continue;
		if (key != NULL && (is == NULL || strcmp(is, value) != 0))
			continue;
		if (number == NULL)
			KIT_FAIL("no %s in a %s", name, path);
		sum += strtoul(number, &end, 10);
		KIT_CHECK(*end == '\0' && end != number);
	}
	return sum;
}

size_t
xml_count(const struct xml *xml, const char *path)
{
	size_t count = 0;

	for (size_t i = 0; i < xml->nelements; i++)
		count += strcmp(xml->elements[i].path, path) == 0;
	return count;
}
