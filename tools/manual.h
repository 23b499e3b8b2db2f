/* manual.h -- what there is to say of a verb beyond a line: paragraphs for its
 * help and for the manual page
 */
#ifndef GCM_TOOLS_MANUAL_H
#define GCM_TOOLS_MANUAL_H

extern const char run_manual[], doctor_manual[], stat_manual[], gc_manual[],
    set_manual[], dump_manual[], top_manual[], trace_manual[];

#endif
