/* held_plugin.c -- a library with words of its own: for each thread, and data
 */
enum {
	WORDS = 4096
};

static __thread void *own[WORDS]; /* too large for the static room */
static void *data[WORDS] = {&data};

void **plugin_own(void);
void **plugin_data(void);

void **
plugin_own(void)
{
	return own;
}

void **
plugin_data(void)
{
	return data;
}
