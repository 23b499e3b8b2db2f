/* scan.h -- everything of scan/ that preload/ may use */
#ifndef GCM_SCAN_SCAN_H
#define GCM_SCAN_SCAN_H

#include "scan/filter.h"
#include "scan/flight.h"
#include "scan/kernel.h"
#include "scan/scanner.h"
#include "scan/stop.h"
#include "scan/thread.h"

#endif
