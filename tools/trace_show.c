/* trace_show.c -- numbers, times and texts as they are shown
 */
#include "tools/trace_show.h"

#include <inttypes.h>
#include <time.h>

static const char *
show_scaled(char text[SHORT_BYTES], double value, const char *unit)
{
	int digits = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;

	snprintf(text, SHORT_BYTES, "%.*f %s", digits, value, unit);
	return text;
}

const char *
show_ns(char text[SHORT_BYTES], uint64_t ns)
{
	double value = (double)ns;

	if (ns < 1000)
		snprintf(text, SHORT_BYTES, "%" PRIu64 " ns", ns);
	else if (value < 999.5e3)
		show_scaled(text, value / 1e3, "us");
	else if (value < 999.5e6)
		show_scaled(text, value / 1e6, "ms");
	else
		show_scaled(text, value / 1e9, "s");
	return text;
}

const char *
show_bytes(char text[SHORT_BYTES], uint64_t bytes)
{
	static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB"};
	double value = (double)bytes / 1024;
	size_t i = 0;

	if (bytes < 1024) {
		snprintf(text, SHORT_BYTES, "%" PRIu64 " B", bytes);
		return text;
	}
	for (; value >= 999.5 && i < 4; i++)
		value /= 1024;
	return show_scaled(text, value, units[i]);
}

const char *
show_wall(
    char text[SHORT_BYTES], const struct trace_process *process, uint64_t ns)
{
	uint64_t wall = ns + (uint64_t)process->wall_ns;
	time_t seconds = (time_t)(wall / 1000000000);
	struct tm parts;
	size_t length;

	text[0] = '\0';
	if (!process->dated || localtime_r(&seconds, &parts) == NULL)
		return text;
	length = strftime(text, SHORT_BYTES - 4, "%F %T", &parts);
	snprintf(text + length, SHORT_BYTES - length, ".%03u",
	    (unsigned int)(wall / 1000000 % 1000));
	return text;
}

/* How many bytes a UTF-8 character has that begins here; 0: it is none. */
static int
measure_utf8(const unsigned char *at)
{
	static const unsigned char least[] = {0, 0, 0xc2, 0xe0, 0xf0};
	int count = *at >= 0xf5   ? 0
		    : *at >= 0xf0 ? 4
		    : *at >= 0xe0 ? 3
		    : *at >= 0xc2 ? 2
				  : 0;

	for (int i = 1; i < count; i++)
		if ((at[i] & 0xc0) != 0x80)
			return 0;
	/* Overlong ones, surrogates, beyond the last. */
	if ((count > 2 && *at == least[count] &&
		at[1] < (count == 3 ? 0xa0 : 0x90)) ||
	    (*at == 0xed && at[1] > 0x9f) || (*at == 0xf4 && at[1] > 0x8f))
		return 0;
	return count;
}

void
write_escaped(FILE *file, const char *text)
{
	const unsigned char *at = (const unsigned char *)text;

	while (*at != '\0') {
		int count = *at < 0x80 ? 1 : measure_utf8(at);

		if (count == 0)
			fputs("\\ufffd", file);
		else if (count == 1 &&
			 (*at < ' ' || *at == 0x7f || *at == '<' || *at == '&'))
			fprintf(file, "\\u%04x", *at);
		else if (*at == '"' || *at == '\\')
			fprintf(file, "\\%c", *at);
		else
			fwrite(at, 1, (size_t)count, file);
		at += count == 0 ? 1 : count;
	}
}
