/* top_screen.c -- gcmalloc top on a terminal
 *
 * MODEL   A list of processes, and one process alone.  Everything is drawn
 *         anew after each key and each look; curses sends what has changed.
 *         Columns are left out by their rank where the terminal is narrow, and
 *         what does not fit is cut off.
 */
#include "tools/top.h"

#if !GCM_CURSES

int
watch_on_screen(struct sample *sample, struct watch *watch)
{
	(void)sample;
	(void)watch;
	return -1;
}

#else

#include <curses.h>
#include <langinfo.h>
#include <locale.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <term.h>
#include <time.h>
#include <unistd.h>

#include "tools/sample.h"

enum {
	ROWS_APART = 3, /* title, heads, foot */
	SPLIT_MS = 1000,
	NAME_WIDTH = 12,
	LABEL_WIDTH = 8, /* beside the curves */
	SHADES = 8,      /* of a row of the curves */
	ESCAPE = 27,
	ALARMING = 1, /* pairs of colours */
	LIVELY = 2,
	INTERVAL_LEAST_MS = 100,
	INTERVAL_MOST_MS = 3600 * 1000
};

struct view {
	struct sample *sample;
	struct watch *watch;
	long selected;      /* process */
	size_t first;       /* row of the list that is on top */
	bool alone;         /* the one selected, with all there is */
	bool unicode;       /* the terminal has more than letters */
	long split_of;      /* process that `split` is of; 0: none */
	struct reply split; /* where its resident memory is */
};

static long
now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* A line's text, cut off at the terminal's edge; outside of it: nothing. */
static void __attribute__((format(printf, 3, 4)))
draw(int y, int x, const char *format, ...)
{
	char text[512];
	va_list list;

	if (y < 0 || y >= LINES || x >= COLS)
		return;
	va_start(list, format);
	(void)vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	mvaddnstr(y, x, text, COLS - x);
}

static size_t
place_of_selected(const struct view *view)
{
	for (size_t i = 0; i < view->sample->count; i++)
		if (view->sample->list[i]->pid == view->selected)
			return i;
	return 0;
}

static const struct process *
selected_process(const struct view *view)
{
	return view->sample->count == 0
		   ? NULL
		   : view->sample->list[place_of_selected(view)];
}

/* The list ----------------------------------------------------------------- */

/* Which columns fit; the width that is left. */
static int
fit_columns(bool *fits)
{
	int left = COLS;

	for (int id = 0; id < NCOLUMNS; id++) {
		fits[id] = true;
		left -= sample_columns[id].width + 1;
	}
	for (int rank = NCOLUMNS - 1; rank > 0 && left < -1; rank--)
		for (int id = 0; id < NCOLUMNS; id++)
			if (sample_columns[id].rank == rank) {
				fits[id] = false;
				left += sample_columns[id].width + 1;
			}
	return left > 0 ? left : 0;
}

/* A late free is worth a look. */
static attr_t
look_of_standing(enum standing standing)
{
	switch (standing) {
	case STANDING_LATE:
		return A_BOLD | (attr_t)COLOR_PAIR(ALARMING);
	case STANDING_COLLECTING:
		return (attr_t)COLOR_PAIR(LIVELY);
	case STANDING_IDLE:
	case STANDING_REPORT:
		return A_NORMAL;
	default:
		return A_DIM;
	}
}

static void
draw_row(int y, const bool *fits, const struct view *view,
    const struct process *process)
{
	int x = 0;

	if (process == NULL || process->pid == view->selected)
		attron(A_REVERSE);
	mvhline(y, 0, ' ', COLS);
	for (int id = 0; id < NCOLUMNS; id++) {
		char text[CELL_BYTES];
		int width = sample_columns[id].width;

		if (!fits[id])
			continue;
		if (process != NULL)
			format_cell(process, id, text);
		else
			snprintf(
			    text, sizeof(text), "%s", sample_columns[id].title);
		if (process == NULL && id == (int)view->sample->by)
			attron(A_BOLD | A_UNDERLINE);
		if (process != NULL && id == COLUMN_STATE)
			attron(look_of_standing(process->standing));
		draw(y, x, "%*.*s",
		    sample_columns[id].kind == WORDS ? -width : width, width,
		    text);
		attroff(A_BOLD | A_UNDERLINE | A_COLOR | A_DIM);
		x += width + 1;
	}
	attroff(A_REVERSE);
}

static uint64_t
add_up(const struct sample *sample, enum column_id id)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < sample->count; i++)
		if (sample->list[i]->value[id] != UINT64_MAX)
			sum += sample->list[i]->value[id];
	return sum;
}

static void
draw_title(const struct view *view)
{
	char heap[CELL_BYTES], resident[CELL_BYTES];

	format_short(add_up(view->sample, COLUMN_HEAP), BYTES, heap);
	format_short(add_up(view->sample, COLUMN_RSS), BYTES, resident);
	draw(0, 0,
	    "gcmalloc top: %zu process%s, heap %s, resident %s; by %s%s, every "
	    "%g s",
	    view->sample->count, view->sample->count == 1 ? "" : "es", heap,
	    resident, sample_columns[view->sample->by].title,
	    view->sample->ascending ? " upwards" : "",
	    view->watch->interval_ms / 1000.0);
}

static void
draw_list(struct view *view)
{
	size_t room = LINES > ROWS_APART ? (size_t)(LINES - ROWS_APART) : 1;
	size_t place = place_of_selected(view);
	bool fits[NCOLUMNS];

	(void)fit_columns(fits);
	if (place < view->first)
		view->first = place;
	if (place >= view->first + room)
		view->first = place - room + 1;
	draw_title(view);
	draw_row(1, fits, view, NULL);
	for (size_t i = 0; i < room && view->first + i < view->sample->count;
	     i++)
		draw_row((int)i + 2, fits, view,
		    view->sample->list[view->first + i]);
	if (view->sample->count == 0)
		draw(2, 0, "No process runs with the library.");
	if (LINES > ROWS_APART)
		draw(LINES - 1, 0,
		    "q quit  arrows choose  Enter one alone  < > sort by  r "
		    "turn  + - interval");
}

/* One alone ---------------------------------------------------------------- */

static void
draw_bar(int y, int x, double share)
{
	int width = COLS - x - 1;

	if (width > 0 && share > 0 && y < LINES)
		mvhline(y, x, ACS_CKBOARD,
		    (int)(share * width + 0.5) < 1
			? 1
			: (int)(share * width + 0.5));
}

/* Where its resident memory is; the next line. */
static int
draw_split(int y, const struct view *view)
{
	static const struct {
		const char *figure, *words;
	} parts[] = {
	    {"resident_live_bytes", "live blocks"},
	    {"resident_limbo_bytes", "limbo"},
	    {"resident_cached_bytes", "caches"},
	    {"resident_spans_bytes", "free slots"},
	    {"resident_free_bytes", "free pages"},
	    {"resident_own_bytes", "library"},
	    {"resident_stacks_bytes", "stacks"},
	    {"resident_other_bytes", "other"},
	};
	uint64_t all = find_number(&view->split, "resident_bytes");

	if (view->split_of != view->selected || all == 0) {
		draw(y, 0, "Where its memory is: %s",
		    view->split.error[0] != '\0' ? view->split.error : "-");
		return y + 1;
	}
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		uint64_t part = find_number(&view->split, parts[i].figure);
		char text[CELL_BYTES];

		format_short(part, BYTES, text);
		draw(y, 0, "%-*s%*s ", NAME_WIDTH, parts[i].words, LABEL_WIDTH,
		    text);
		draw_bar(y++, NAME_WIDTH + LABEL_WIDTH + 1,
		    (double)part / (double)all);
	}
	return y;
}

static uint64_t
highest_point(const struct process *process, unsigned int from)
{
	uint64_t highest = 1;

	for (unsigned int i = from; i < process->npoints; i++) {
		const struct point *point = &process->history[i % HISTORY];

		if (point->heap > highest)
			highest = point->heap;
		if (point->goal > highest && point->goal != UINT64_MAX)
			highest = point->goal;
	}
	return highest;
}

/* One moment: heap filled, the goal a line over it. */
static void
draw_moment(const struct view *view, int y, int height, int x,
    const struct point *point, uint64_t highest)
{
	static const char *const shades[] = {
	    " ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
	double unit = (double)highest / height;
	int eighths = (int)((double)point->heap / unit * SHADES);
	int goal = (int)((double)point->goal / unit);

	for (int row = 0; row < height; row++) {
		int filled = eighths - row * SHADES;
		const char *what = filled >= SHADES / 2 ? "#" : " ";

		if (view->unicode && filled > 0)
			what = shades[filled < SHADES ? filled : SHADES];
		if (filled <= 0 && goal == row && point->goal != UINT64_MAX)
			what = "-";
		mvaddstr(y + height - 1 - row, x, what);
	}
}

static void
draw_curves(int y, const struct view *view, const struct process *process)
{
	int height = LINES - 1 - y, width = COLS - LABEL_WIDTH - 1;
	unsigned int shown = process->npoints, from;
	char text[CELL_BYTES];
	uint64_t highest;

	if (height < 2 || width < 8 || process->npoints == 0)
		return;
	if (shown > (unsigned int)width)
		shown = (unsigned int)width;
	if (shown > HISTORY)
		shown = HISTORY;
	from = process->npoints - shown;
	highest = highest_point(process, from);
	format_short(highest, BYTES, text);
	draw(y, 0, "%*s", LABEL_WIDTH - 1, text);
	if (height > 2)
		draw(y + 1, 0, "%*s", LABEL_WIDTH - 1, "- goal");
	draw(y + height - 1, 0, "%*s", LABEL_WIDTH - 1, "heap");
	for (unsigned int i = 0; i < shown; i++)
		draw_moment(view, y, height, LABEL_WIDTH + (int)i,
		    &process->history[(from + i) % HISTORY], highest);
}

static void
draw_alone(const struct view *view, const struct process *process)
{
	int y = 2, x = 0;

	attron(A_BOLD);
	draw(
	    0, 0, "gcmalloc top: process %ld, %s", process->pid, process->comm);
	attroff(A_BOLD);
	for (int id = COLUMN_HEAP; id < NCOLUMNS; id++) {
		char text[CELL_BYTES];

		format_cell(process, id, text);
		draw(y, x, "%-*s%-10s", NAME_WIDTH - 2,
		    sample_columns[id].title, text);
		x += NAME_WIDTH + 10;
		if (x + NAME_WIDTH + 10 > COLS) {
			x = 0;
			y++;
		}
	}
	y = draw_split(y + 1 + (x > 0), view);
	draw_curves(y + 1, view, process);
	if (LINES > ROWS_APART)
		draw(LINES - 1, 0, "q quit  Enter back to all  + - interval");
}

static void
draw_all(struct view *view)
{
	const struct process *process = selected_process(view);

	erase();
	if (view->alone && process != NULL && process->pid == view->selected)
		draw_alone(view, process);
	else
		draw_list(view);
	refresh();
}

/* Keys --------------------------------------------------------------------- */

static void
move_selection(struct view *view, long by)
{
	long place = (long)place_of_selected(view) + by;

	if (view->sample->count == 0)
		return;
	if (place >= (long)view->sample->count)
		place = (long)view->sample->count - 1;
	view->selected = view->sample->list[place > 0 ? place : 0]->pid;
}

static void
change_interval(struct watch *watch, bool longer)
{
	unsigned int ms =
	    longer ? watch->interval_ms * 2 : watch->interval_ms / 2;

	if (ms >= INTERVAL_LEAST_MS && ms <= INTERVAL_MOST_MS)
		watch->interval_ms = ms;
}

static void
handle_sorting(struct view *view, int key)
{
	struct sample *sample = view->sample;

	if (key == 'r')
		sample->ascending = !sample->ascending;
	else
		sample->by = (enum column_id)(
		    ((int)sample->by + NCOLUMNS + (key == '>' ? 1 : -1)) %
		    NCOLUMNS);
	sort_sample(sample);
}

static void
look_at_split(struct view *view)
{
	view->split_of = view->selected;
	if (ask_process(view->selected, "rss", &view->split, SPLIT_MS) != 0)
		view->split.npairs = 0;
}

static void
handle_key(struct view *view, int key)
{
	switch (key) {
	case KEY_UP:
	case 'k':
		move_selection(view, -1);
		break;
	case KEY_DOWN:
	case 'j':
		move_selection(view, 1);
		break;
	case KEY_PPAGE:
	case KEY_NPAGE:
		move_selection(
		    view, key == KEY_NPAGE ? LINES - 4 : -(LINES - 4));
		break;
	case KEY_HOME:
	case KEY_END:
		move_selection(view, key == KEY_END ? 1L << 30 : -(1L << 30));
		break;
	case '\n':
	case '\r':
	case KEY_ENTER:
		view->alone = !view->alone && view->sample->count != 0;
		if (view->alone)
			look_at_split(view);
		break;
	case ESCAPE:
	case KEY_LEFT:
		view->alone = false;
		break;
	case '<':
	case '>':
	case 'r':
		handle_sorting(view, key);
		break;
	case '+':
	case '-':
		change_interval(view->watch, key == '+');
		break;
	default: /* KEY_RESIZE among them: all is drawn anew */
		break;
	}
}

static void
look(struct view *view)
{
	const struct process *process;

	refresh_sample(view->sample);
	process = selected_process(view);
	/* Gone: whoever is in its place, but not alone. */
	if (process == NULL || process->pid != view->selected)
		view->alone = false;
	if (process != NULL)
		view->selected = process->pid;
	if (view->alone)
		look_at_split(view);
}

static void
run_view(struct view *view)
{
	unsigned long count = 0;
	long next = 0;
	int key = ERR;

	while (key != 'q' && isatty(STDIN_FILENO)) {
		long left = next - now_ms();

		if (left <= 0 || key == ' ') {
			if (view->watch->count != 0 &&
			    count++ == view->watch->count)
				return;
			look(view);
			next = now_ms() + view->watch->interval_ms;
			left = view->watch->interval_ms;
		}
		draw_all(view);
		timeout((int)left);
		key = getch();
		if (key != ERR)
			handle_key(view, key);
		if ((key == '+' || key == '-') &&
		    next > now_ms() + view->watch->interval_ms)
			next = now_ms() + view->watch->interval_ms;
	}
}

int
watch_on_screen(struct sample *sample, struct watch *watch)
{
	static struct view view;
	SCREEN *screen;

	(void)setlocale(LC_CTYPE, "");
	screen = newterm(NULL, stdout, stdin);
	if (screen == NULL)
		return -1;
	if (tigetstr("cup") == NULL || tigetstr("cup") == (char *)-1) {
		endwin();
		delscreen(screen);
		return -1;
	}
	view.sample = sample;
	view.watch = watch;
	view.unicode = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	cbreak();
	noecho();
	nonl();
	keypad(stdscr, TRUE);
	set_escdelay(25);
	(void)curs_set(0);
	if (has_colors() && start_color() == OK && use_default_colors() == OK) {
		init_pair(ALARMING, COLOR_RED, -1);
		init_pair(LIVELY, COLOR_GREEN, -1);
	}
	run_view(&view);
	endwin();
	delscreen(screen);
	return 0;
}

#endif
