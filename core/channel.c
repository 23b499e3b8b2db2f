/* channel.c -- the live channel's grammar: a request's bytes to its answer
 *
 * MODEL   A request is a line: a word, and for one of them NAME=VALUE.  The
 *         answer is "ok BYTES", and so many bytes of lines; or "error WHY",
 *         one line whatever was asked.  The body is made first, behind room
 *         for the first line, and then moved up to it.
 *
 *         Whoever asks is the same user, or root; still, each byte counts as
 *         hostile here.
 */
#include "core/channel.h"

#include <string.h>

enum {
	HEAD_BYTES = 16 /* "ok 6144\n" */
};

enum verb {
	VERB_STAT,
	VERB_RSS,
	VERB_GC,
	VERB_SET,
	VERB_DUMP,
	VERB_VERSION,
	VERB_NONE
};

static const struct {
	const char *word;
	bool waits; /* while a collection runs */
} verbs[] = {
    [VERB_STAT] = {"stat", false},
    [VERB_RSS] = {"rss", true},
    [VERB_GC] = {"gc", false},
    [VERB_SET] = {"set", true},
    [VERB_DUMP] = {"dump", true},
    [VERB_VERSION] = {"version", false},
};

void
gcm_channel_refuse(struct gcm_text *answer, const char *why)
{
	answer->at = answer->start;
	gcm_text_add(answer, "error ");
	gcm_text_add(answer, why);
	gcm_text_add(answer, "\n");
}

static bool
is_plain(const char *line, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (line[i] < ' ' || line[i] > '~')
			return false;
	return true;
}

static enum verb
find_verb(const char *line, size_t len)
{
	for (int verb = 0; verb < VERB_NONE; verb++)
		if (strlen(verbs[verb].word) == len &&
		    memcmp(verbs[verb].word, line, len) == 0)
			return (enum verb)verb;
	return VERB_NONE;
}

static const char *
set_option(const struct gcm_channel_host *host, const char *pair, size_t len)
{
	const char *equals = memchr(pair, '=', len);
	size_t name_len = equals != NULL ? (size_t)(equals - pair) : 0;

	if (name_len == 0)
		return "set wants NAME=VALUE";
	return host->set(pair, name_len, equals + 1, len - name_len - 1);
}

static const char *
make_body(const struct gcm_channel_host *host, enum verb verb, const char *rest,
    size_t len, struct gcm_text *body)
{
	switch (verb) {
	case VERB_STAT:
		host->stat(body);
		return NULL;
	case VERB_RSS:
		host->rss(body);
		return NULL;
	case VERB_GC:
		return host->collect(body);
	case VERB_SET:
		return set_option(host, rest, len);
	case VERB_DUMP:
		return host->dump(body);
	case VERB_VERSION:
		gcm_text_add(body, "version " PACKAGE_VERSION "\n");
		return NULL;
	case VERB_NONE:
		break;
	}
	return "no such request";
}

/* "ok BYTES" before the body, which begins HEAD_BYTES behind the start. */
static void
add_head(struct gcm_text *answer, const struct gcm_text *body)
{
	size_t len = (size_t)(body->at - body->start);

	gcm_text_add(answer, "ok ");
	gcm_text_add_unsigned(answer, len);
	gcm_text_add(answer, "\n");
	memmove(answer->at, body->start, len);
	answer->at += len;
}

bool
gcm_channel_answer(const struct gcm_channel_host *host, const char *line,
    size_t len, bool busy, struct gcm_text *answer)
{
	const char *space = memchr(line, ' ', len), *why;
	size_t word = space != NULL ? (size_t)(space - line) : len;
	size_t rest = space != NULL ? len - word - 1 : 0;
	enum verb verb = find_verb(line, word);
	struct gcm_text body;

	if (verb != VERB_NONE && busy && verbs[verb].waits)
		return false;
	answer->at = answer->start;
	gcm_text_init(&body, answer->start + HEAD_BYTES,
	    (size_t)(answer->end - answer->start) - HEAD_BYTES);
	if (!is_plain(line, len))
		why = "a request is plain text";
	else if ((verb == VERB_SET) != (space != NULL) && verb != VERB_NONE)
		why = verb == VERB_SET ? "set wants NAME=VALUE"
				       : "nothing may follow that word";
	else
		why = make_body(
		    host, verb, space != NULL ? space + 1 : "", rest, &body);
	if (why == NULL && body.at == body.end)
		why = "too long an answer";
	if (why != NULL)
		gcm_channel_refuse(answer, why);
	else
		add_head(answer, &body);
	return true;
}
