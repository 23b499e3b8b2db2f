// collect_cxx.cc -- gcmalloc.h in C++
#include "api.h"

#include <cstring>

#include "include/gcmalloc.h"

static void
calls()
{
	bool ours = gcm_is_active() != 0;
	struct gcm_stats stats;
	void *block = gcm_malloc_noscan(100);

	KIT_CHECK(block != nullptr);
	memset(block, 1, 100);
	KIT_CHECK((gcm_collect() >= 0) == ours);
	KIT_CHECK((gcm_stats(&stats, sizeof(stats)) == 0) == ours);
	KIT_CHECK((stats.cycles > 0) == ours);
	KIT_CHECK((gcm_add_roots(&stats, &stats + 1) == 0) == ours);
	KIT_CHECK((gcm_remove_roots(&stats, &stats + 1) == 0) == ours);
	free(block);
}

static void
preloaded()
{
	KIT_CHECK(gcm_is_active() || kit_lib()[0] == '\0');
	calls();
}

int
main(int argc, char **argv)
{
	static const kit_case cases[] = {
	    {"plain", calls, KIT_PLAIN, 0},
	    {"preloaded", preloaded, 0, 0},
	    {nullptr, nullptr, 0, 0},
	};

	return kit_main(argc, argv, cases);
}
