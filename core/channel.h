/* channel.h -- the live channel's grammar: a request's bytes to its answer
 *
 * Pure but for the functions that it is given: no socket, no clock.
 * docs/channel.md is the grammar.
 */
#ifndef GCM_CORE_CHANNEL_H
#define GCM_CORE_CHANNEL_H

#include "core/report.h"

enum {
	GCM_CHANNEL_LINE = 256,   /* bytes of a request, its newline too */
	GCM_CHANNEL_ANSWER = 6144 /* bytes of an answer */
};

/* What is done for a request.  Text that is added is the answer's body, lines
 * of "NAME VALUE"; a function that may refuse returns NULL or why.
 */
struct gcm_channel_host {
	void (*stat)(struct gcm_text *body);
	void (*rss)(struct gcm_text *body);
	const char *(*collect)(struct gcm_text *body);
	const char *(*set)(
	    const char *name, size_t name_len, const char *value, size_t len);
	const char *(*dump)(struct gcm_text *body);
};

/* Answer the request line[0..len), without its newline, into `answer`, which
 * has room for GCM_CHANNEL_ANSWER bytes.  While a collection runs (`busy`) some
 * requests have to wait: then false, and nothing is done.
 */
bool gcm_channel_answer(const struct gcm_channel_host *host, const char *line,
    size_t len, bool busy, struct gcm_text *answer);

/* The answer to what is no request: "error WHY". */
void gcm_channel_refuse(struct gcm_text *answer, const char *why);

#endif
