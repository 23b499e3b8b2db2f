/* doctor.h -- gcmalloc doctor: does the library work, in a program and here? */
#ifndef GCM_TOOLS_DOCTOR_H
#define GCM_TOOLS_DOCTOR_H

#include "tools/finding.h"

/* [-n] [-o FILE] [--] PROGRAM [ARGUMENT...] | PID; the exit status: 0 active
 * and collecting, 1 with restrictions, 2 usage, 3 not active, 126 or 127 as
 * that of gcmalloc run.
 */
int consult_doctor(char **argv);

/* Run the program with the library and take what it says of itself; 0, or the
 * errno with which it could not be run.
 */
int try_program(char **argv, struct findings *findings);

#endif
