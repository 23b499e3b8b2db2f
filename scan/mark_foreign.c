/* mark_foreign.c -- words of memory that is not the heap's, and may vanish
 *
 * MODEL   Copied first, in pieces: what is not there is an error code.
 *
 *         Other languages keep their objects in mappings of their own, and
 *         addresses of our blocks in them as their small integers: shifted by
 *         one to three bits, with a tag in the bits below (Chez Scheme, SBCL,
 *         Ruby, Emacs Lisp).  Shifted addresses of the zone are no addresses
 *         that a program can have, so looking for them holds nothing that
 *         would not be held anyway.
 */
#include "scan/filter.h"
#include "scan/mark.h"
#include "scan/pages.h"

enum {
	SHIFT_MOST = 3
};

/* One look finds what is between the least and the greatest of such numbers:
 * hardly anything.
 */
static void
mark_numbers(struct gcm_marker *marker, const uint64_t *words, size_t nwords)
{
	uint64_t lo = gcm_zone.lo << 1;
	uint64_t hi = (uint64_t)gcm_page_addr(gcm_zone_pages()) << SHIFT_MOST;

	for (size_t i = 0; i < nwords; i += GCM_MARK_WORDS) {
		size_t n = nwords - i;
		size_t found = gcm_filter_words(words + i,
		    n < GCM_MARK_WORDS ? n : GCM_MARK_WORDS, lo, hi - lo,
		    marker->words);

		for (size_t j = 0; j < found; j++)
			for (unsigned int shift = 1; shift <= SHIFT_MOST;
			     shift++)
				gcm_mark_word(
				    marker, marker->words[j] >> shift);
	}
}

/* Pieces overlap by a word less one byte, for words across their border. */
bool
gcm_mark_foreign(struct gcm_marker *marker, uintptr_t lo, uintptr_t hi,
    unsigned int step, bool exact_end)
{
	uintptr_t page = gcm_os_page_size(), buffer = (uintptr_t)marker->read;
	uintptr_t overlap = 0;
	bool whole = true;

	if (step == 0)
		step = (unsigned int)gcm_options.ALIGN;
	if (step < sizeof(uint64_t))
		overlap = sizeof(uint64_t) - step;
	while (lo < hi) {
		size_t want = hi - lo < GCM_MARK_READ ? hi - lo : GCM_MARK_READ;
		size_t got = gcm_pages_read(marker->read, lo, want);

		marker->where = lo;
		if (step < sizeof(uint64_t))
			gcm_mark_steps(
			    marker, buffer, buffer + got, step, exact_end);
		else
			gcm_mark_range(marker, buffer, buffer + got, exact_end);
		if (step == sizeof(uint64_t))
			mark_numbers(
			    marker, marker->read, got / sizeof(uint64_t));
		marker->scanned += got;
		if (got == want && hi - lo > want)
			got -= overlap;
		lo += got;
		if (got < want - overlap) {
			whole = false;
			lo = gcm_round_down(lo, page) + page;
		}
	}
	return whole;
}
