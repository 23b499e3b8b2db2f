/* scenario.h -- what programs do, to be done again while calls fail */
#ifndef GCM_TESTS_SCENARIO_H
#define GCM_TESTS_SCENARIO_H

struct scenario {
	const char *name;
	void (*run)(void);
};

/* Ends with a name of NULL. */
extern const struct scenario scenarios[];

/* After any of them, without failures: everything works. */
void scenario_recover(void);

#endif
