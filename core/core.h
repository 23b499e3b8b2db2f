/* core.h -- everything of core/ that other folders may use */
#ifndef GCM_CORE_CORE_H
#define GCM_CORE_CORE_H

#include "core/about.h"
#include "core/alter.h"
#include "core/arch.h"
#include "core/audit.h"
#include "core/base.h"
#include "core/cache.h"
#include "core/cycle.h"
#include "core/event.h"
#include "core/gctrace.h"
#include "core/heap.h"
#include "core/large.h"
#include "core/limit.h"
#include "core/meta.h"
#include "core/option.h"
#include "core/os.h"
#include "core/own.h"
#include "core/pageheap.h"
#include "core/pin.h"
#include "core/report.h"
#include "core/scanner.h"
#include "core/scavenge.h"
#include "core/span.h"
#include "core/stat.h"
#include "core/sweep.h"
#include "core/tick.h"
#include "core/verify.h"

#endif
