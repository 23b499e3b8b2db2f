/* line.h -- finding free slots in a line of states, 64 at a step */
#ifndef GCM_CORE_LINE_H
#define GCM_CORE_LINE_H

#include "core/table.h"

/* Bit i is set when states[i] == GCM_FREE, for a whole line.  `states` is
 * aligned to the line.  Other threads may store FREE meanwhile.
 */
typedef uint64_t (*gcm_line_finder)(const uint8_t *states);

/* const once gcm_line_init has run */
extern GCM_HIDDEN gcm_line_finder gcm_line_find_free;

/* Choose the widest finder that the processor and the system support. */
void gcm_line_init(void);

uint64_t gcm_line_find_plain(const uint8_t *states);
uint64_t gcm_line_find_wide(const uint8_t *states);   /* AVX2, NEON */
uint64_t gcm_line_find_widest(const uint8_t *states); /* AVX-512BW */

/* Which finder gcm_line_init chose, for the summary. */
const char *gcm_line_name(void);

/* Does the processor run gcm_line_find_wide, _widest?  By machine. */
bool gcm_line_has_wide(void);
bool gcm_line_has_widest(void);

#endif
