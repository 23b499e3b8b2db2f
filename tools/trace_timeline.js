/* trace_timeline.js -- the timeline: rows over one axis of time
 *
 * What is narrower than a pixel is drawn one pixel wide, once.
 */
const GUTTER = 132, NARROW_GUTTER = 76;
const ROWS_MAX = 48; /* threads; those that stopped slowest */
const view = {lo: 0, hi: 1, rows: [], hits: [], cursor: null, width: 0};

const isNarrow = () => view.width < 620;
const gutter = () => isNarrow() ? NARROW_GUTTER : GUTTER;
const toX = t => gutter() + (t - view.lo) / (view.hi - view.lo) *
	(view.width - gutter());
const toTime = x => view.lo + (x - gutter()) / (view.width - gutter()) *
	(view.hi - view.lo);

function setupCanvas(canvas, height) {
	const scale = window.devicePixelRatio || 1;
	const width = canvas.clientWidth;
	canvas.style.height = height + "px";
	if (canvas.width !== Math.round(width * scale) ||
	    canvas.height !== Math.round(height * scale)) {
		canvas.width = Math.round(width * scale);
		canvas.height = Math.round(height * scale);
	}
	const paint = canvas.getContext("2d");
	paint.setTransform(scale, 0, 0, scale, 0, 0);
	paint.clearRect(0, 0, width, height);
	return paint;
}

/* Rows
 * ------------------------------------------------------------------ */

function shownThreads() {
	/* Scavengers come and go; what they did is among the events. */
	let list = proc.threads.filter(t => t.n > 0 || t.assists > 0 ||
		(t.name !== "scavenger" && (t.end || proc.end) - t.begin > 0));
	if (list.length > ROWS_MAX)
		list = list.slice().sort((a, b) =>
			Math.max(b.max, b.longest) - Math.max(a.max, a.longest))
			.slice(0, ROWS_MAX);
	return list.sort((a, b) => a.ours - b.ours || a.tid - b.tid);
}

function layoutRows() {
	let y = 0;
	const rows = [];
	const add = (name, height, draw, more) => {
		rows.push({name, y, height, draw, ...more});
		y += height;
	};
	add("", 26, drawAxis);
	if (proc.heap.at.length || proc.resident.at.length)
		add("memory", isNarrow() ? 110 : 170, drawMemory);
	add("cycles", 24, drawCycles);
	add("phases", 24, drawPhases);
	add("stops", 34, drawStops);
	if (proc.marks.length) add("events", 22, drawMarks);
	const threads = shownThreads(), names = new Map();
	for (const {name} of threads) names.set(name, (names.get(name) || 0) + 1);
	for (const thread of threads)
		add(!thread.name ? "thread " + thread.tid
			: names.get(thread.name) > 1 ? thread.name + " " + thread.tid
			: thread.name, 18, drawThread, {thread});
	view.rows = rows;
	view.height = y + 2;
}

/* Where items of a sorted lane can be seen. */
function* visible(lane, longest) {
	for (let i = lowerBound(lane.begin, view.lo - longest);
		i < lane.begin.length && lane.begin[i] <= view.hi; i++)
		if (lane.begin[i] + lane.length[i] >= view.lo) yield i;
}

function longestOf(lane) {
	if (lane.longest === undefined) {
		lane.longest = 0;
		for (const length of lane.length)
			if (length > lane.longest) lane.longest = length;
	}
	return lane.longest;
}

/* A box of at least a pixel, within the plot; what was hit is remembered. */
function box(paint, begin, length, y, height, tip, least = 1) {
	const left = gutter();
	let x0 = toX(begin), x1 = toX(begin + length);
	if (x1 - x0 < least) x1 = x0 + least;
	if (x1 < left || x0 > view.width) return;
	x0 = Math.max(x0, left);
	x1 = Math.min(x1, view.width);
	paint.fillRect(x0, y, x1 - x0, height);
	if (tip) view.hits.push({x0: x0 - 1, x1: x1 + 1, y0: y, y1: y + height, tip});
	return {x0, x1};
}

const STEPS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4,
	1e5, 2e5, 5e5, 1e6, 2e6, 5e6, 1e7, 2e7, 5e7, 1e8, 1.5e8, 3e8, 6e8, 1.2e9,
	3e9, 6e9, 9e9, 1.8e10, 3.6e10, 7.2e10, 2.16e11, 8.64e11];

function ticks() {
	const wanted = (view.hi - view.lo) / (view.width - gutter()) * 92;
	const step = STEPS.find(s => s >= wanted) || STEPS[STEPS.length - 1];
	/* Round numbers of the clock that is shown. */
	const shift = clock === "wall" && proc.wall !== undefined
		? (proc.wall % 86400e3) * 1e4 : 0;
	const result = [];
	const first = Math.ceil((view.lo + shift) / step);
	for (let k = first; k * step - shift <= view.hi && result.length < 200; k++)
		result.push(k * step - shift);
	const places = step >= 1e7 ? 0 : Math.min(7, Math.ceil(7 - Math.log10(step)));
	return {list: result, places};
}

function drawAxis(paint, row) {
	const {list, places} = ticks();
	paint.textAlign = "center";
	for (const t of list) {
		const x = toX(t);
		paint.fillStyle = css("--grid");
		paint.fillRect(Math.round(x), 20, 1, view.height - 20);
		paint.fillStyle = css("--soft");
		if (x > gutter() + 24 && x < view.width - 24)
			paint.fillText(moment(t, places), x, 14);
	}
	paint.textAlign = "left";
	paint.fillStyle = css("--faint");
	paint.fillText(duration(view.hi - view.lo), 4, 14);
}

/* Memory
 * ------------------------------------------------------------------ */

function curveTop(curve) {
	let top = 0;
	const from = Math.max(0, lowerBound(curve.at, view.lo) - 1);
	const to = Math.min(curve.at.length, lowerBound(curve.at, view.hi) + 1);
	for (let i = from; i < to; i++)
		if (curve.high[i] > top) top = curve.high[i];
	return top;
}

function traceCurve(paint, curve, y, fill) {
	const from = Math.max(0, lowerBound(curve.at, view.lo) - 1);
	let x = 0, last = -1, any = false;
	paint.beginPath();
	for (let i = from; i < curve.at.length; i++) {
		x = toX(curve.at[i]);
		/* Within a pixel: up and down, not along. */
		if (!any) paint.moveTo(Math.max(x, gutter()), y(curve.high[i]));
		else paint.lineTo(x, y(curve.high[i]));
		if (curve.low[i] !== curve.high[i]) paint.lineTo(x, y(curve.low[i]));
		any = true;
		last = i;
		if (curve.at[i] > view.hi) break;
	}
	if (!any) return;
	const end = Math.min(Math.max(x, toX(proc.end)), view.width + 2);
	paint.lineTo(end, y(curve.low[last]));
	if (fill) {
		paint.lineTo(end, y(0));
		paint.lineTo(Math.max(toX(curve.at[from]), gutter()), y(0));
		paint.fill();
	}
}

function drawMemory(paint, row) {
	const bottom = row.y + row.height - 6;
	let top = Math.max(curveTop(proc.heap), curveTop(proc.goal),
		curveTop(proc.resident)) || 1;
	const step = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512]
		.map(s => s * 1024 ** Math.floor(Math.log2(top) / 10))
		.find(s => s * 4 >= top) || top / 4;
	const height = row.height - 14;
	const y = kib => bottom - kib / top * height;
	paint.fillStyle = css("--soft");
	paint.textAlign = "right";
	for (let v = step; v <= top; v += step) {
		paint.fillStyle = css("--grid");
		paint.fillRect(gutter(), Math.round(y(v)), view.width, 1);
		paint.fillStyle = css("--faint");
		paint.fillText(bytes(v * 1024), gutter() - 6, y(v) + 4);
	}
	paint.textAlign = "left";
	paint.save();
	paint.beginPath();
	paint.rect(gutter(), row.y, view.width - gutter(), row.height);
	paint.clip();
	paint.fillStyle = css("--heap-fill");
	traceCurve(paint, proc.heap, y, true);
	paint.lineWidth = 1.4;
	paint.strokeStyle = css("--resident");
	traceCurve(paint, proc.resident, y);
	paint.stroke();
	paint.strokeStyle = css("--goal");
	paint.setLineDash([5, 4]);
	traceCurve(paint, proc.goal, y);
	paint.stroke();
	paint.setLineDash([]);
	paint.strokeStyle = css("--heap");
	traceCurve(paint, proc.heap, y);
	paint.stroke();
	paint.restore();
}

function curveAt(curve, t) {
	const i = lowerBound(curve.at, t + 1) - 1;
	return i < 0 ? null : curve.high[i] * 1024;
}

/* Cycles, phases, stops
 * ------------------------------------------------------------------ */

function cycleTip(cycle) {
	const rows = [["began", moment(cycle.begin)],
		["took", duration(cycle.length)], ["why", cycle.why],
		["heap", bytes(cycle.heap)]];
	if (cycle.abandoned) rows.push(["given up", cycle.abandoned]);
	else if (!cycle.ended) rows.push(["", "not ended"]);
	else rows.push(["live", bytes(cycle.live)],
		["reclaimed", bytes(cycle.reclaimed) + " in " + count(cycle.blocks)],
		["limbo", bytes(cycle.limbo)], ["next goal", bytes(cycle.goal)]);
	rows.push(["stops", cycle.nstops + ", " + duration(cycle.stopped) +
		", longest " + duration(cycle.longest)]);
	if (cycle.cpu) rows.push(["marking", duration(cycle.cpu) + " of CPU"]);
	if (cycle.backEnd) rows.push(["back end", cycle.backEnd]);
	return {title: "Cycle " + cycle.number, rows};
}

function drawCycles(paint, row) {
	let last = -1;
	const rest = proc.rest;
	paint.fillStyle = css("--faint");
	for (const i of visible(rest, longestOf(rest)))
		box(paint, rest.begin[i], rest.length[i], row.y + 7, 10, () => ({
			title: count(rest.n[i]) + " cycles",
			rows: [["took", duration(rest.sum[i])]]}));
	for (const cycle of proc.cycles) {
		if (cycle.begin > view.hi) break;
		const end = toX(cycle.begin + cycle.length);
		if (cycle.begin + cycle.length < view.lo ||
			(end < last + 1 && !cycle.abandoned)) continue;
		last = end;
		paint.fillStyle = css(cycle.abandoned ? "--given-up" : "--cycle");
		const seen = box(paint, cycle.begin, cycle.length, row.y + 4, 16,
			() => cycleTip(cycle));
		const label = cycle.number + (cycle.abandoned ? " given up: " +
			cycle.abandoned : " " + cycle.why);
		if (seen && seen.x1 - seen.x0 > 24) {
			paint.fillStyle = "#fff";
			const room = seen.x1 - seen.x0 - 8;
			const whole = paint.measureText(label).width < room;
			if (whole || room > 20)
				paint.fillText(whole ? label : cycle.number,
					seen.x0 + 4, row.y + 16);
		}
	}
}

function drawPhases(paint, row) {
	let last = -1;
	for (const cycle of proc.cycles) {
		if (cycle.begin > view.hi) break;
		if (cycle.begin + cycle.length < view.lo) continue;
		for (const phase of cycle.phases) {
			const end = toX(phase.begin + phase.length);
			if (end < last + 0.7) continue;
			last = end;
			paint.fillStyle = phaseColor(phase.name);
			const seen = box(paint, phase.begin, phase.length, row.y + 4,
				16, () => ({title: phase.name, rows: [
					["cycle", cycle.number], ["began", moment(phase.begin)],
					["took", duration(phase.length)]]}));
			if (seen && paint.measureText(phase.name).width + 8 <
				seen.x1 - seen.x0) {
				paint.fillStyle = "#fff";
				paint.fillText(phase.name, seen.x0 + 4, row.y + 16);
			}
		}
	}
}

function stopTip(i) {
	const s = proc.stops;
	if (s.n[i] > 1)
		return {title: count(s.n[i]) + " stops", rows: [
			["from", moment(s.begin[i])], ["within", duration(s.length[i])],
			["in all", duration(s.sum[i])],
			["longest", duration(s.extra[i])]]};
	const rows = [["began", moment(s.begin[i], 6)],
		["took", duration(s.length[i])]];
	if (s.failed(i))
		rows.push(["did not answer", describeThread(s.extra[i] - 1)]);
	if (s.stood[i]) rows.push(["stood after", duration(s.stood[i])]);
	if (s.slowest[i]) rows.push(["slowest thread",
		describeThread(s.slowest[i]) + ", " + duration(s.latency[i])]);
	if (s.cycle[i]) {
		const cycle = proc.cycles.find(c => c.number === s.cycle[i] - 1);
		rows.push(["cycle", s.cycle[i] - 1 + (cycle ? ", " + cycle.why : "")]);
		const phase = cycle && cycle.phases.slice().reverse().find(p =>
			p.begin <= s.begin[i] + 1 && p.begin + p.length + 1 >= s.begin[i]);
		if (phase) rows.push(["phase", phase.name]);
	}
	return {title: s.failed(i) ? "Stop that failed" : "World stopped", rows};
}

function drawStops(paint, row) {
	const s = proc.stops, bottom = row.y + row.height - 4;
	const tall = row.height - 10;
	const top = Math.log(1 + Math.max(proc.longest, 1) / 10);
	let last = -1, lastTall = 0;
	for (const i of visible(s, longestOf(s))) {
		/* As tall as the pause is long, on a scale of logarithms. */
		const h = Math.max(5, Math.log(1 + s.pause(i) / 10) / top * tall);
		const end = Math.floor(toX(s.begin[i] + s.length[i]));
		if (end === last && h <= lastTall) continue;
		if (s.n[i] === 1 && s.length[i] / (view.hi - view.lo) *
			view.width > 1.5) {
			paint.fillStyle = css("--stop-band");
			box(paint, s.begin[i], s.length[i], 20, view.height - 20);
		}
		paint.fillStyle = css(s.failed(i) ? "--failed" : "--stop");
		box(paint, s.begin[i], s.length[i], bottom - h, h,
			() => stopTip(i), 1.5);
		if (s.n[i] === 1 && s.stood[i]) {
			/* Until it stood: the lower part, paler. */
			paint.globalAlpha = 0.5;
			paint.fillStyle = css("--card");
			if (toX(s.begin[i] + s.stood[i]) - toX(s.begin[i]) > 1)
				box(paint, s.begin[i], s.stood[i], bottom - h / 2, h / 2);
			paint.globalAlpha = 1;
		}
		lastTall = end === last ? Math.max(h, lastTall) : h;
		last = end;
	}
}

function markTip(mark) {
	const rows = [["at", moment(mark.at)]];
	if (mark.tid) rows.push(["thread", describeThread(mark.tid)]);
	const name = MARKS[mark.kind].name;
	switch (mark.kind) {
	case 0: rows.push(["child", mark.value || "failed"]); break;
	case 1: rows.push(["block", "0x" + mark.value.toString(16)]); break;
	case 2: return {title: mark.said || name, rows};
	case 3: case 4: rows.push(["bytes", bytes(mark.value)]); break;
	default: return {title: name + (mark.value ? " begins" : " ends") +
		(mark.said ? ": " + mark.said : ""), rows};
	}
	return {title: name, rows};
}

function drawMarks(paint, row) {
	const last = MARKS.map(() => -9);
	const important = [3, 4, 5, 6, 0, 2, 1];
	for (const kind of important)
		for (const mark of proc.marks) {
			if (mark.kind !== kind) continue;
			const x = toX(mark.at);
			if (mark.at < view.lo || mark.at > view.hi ||
				x - last[kind] < 2) continue;
			last[kind] = x;
			const big = kind < 3;
			const y = row.y + row.height / 2, r = big ? 5 : 3;
			paint.fillStyle = css(MARKS[kind].color);
			paint.beginPath();
			if (big) {
				paint.moveTo(x, y - r);
				paint.lineTo(x + r, y);
				paint.lineTo(x, y + r);
				paint.lineTo(x - r, y);
			} else {
				paint.rect(x - 1, y - r, 2, 2 * r);
			}
			paint.fill();
			view.hits.push({x0: x - 5, x1: x + 5, y0: row.y,
				y1: row.y + row.height, tip: () => markTip(mark)});
		}
}

function drawThread(paint, row) {
	const thread = row.thread, middle = row.y + row.height / 2;
	const end = thread.end || proc.end;
	paint.fillStyle = css("--line");
	box(paint, thread.begin || proc.begin, end - (thread.begin || proc.begin),
		Math.round(middle), 1);
	const scale = Math.log(1 + Math.max(proc.longest, thread.longest, 1) / 10);
	const lane = (list, color, title, most) => {
		let last = -1, lastHalf = 0;
		paint.fillStyle = css(color);
		for (const i of visible(list, longestOf(list))) {
			const x1 = toX(list.begin[i] + list.length[i]);
			/* As tall as it is long, on a scale of logarithms. */
			const half = 1.5 + (most - 1.5) *
				Math.min(1, Math.log(1 + list.max[i] / 10) / scale);
			if (x1 < last + 0.7 && half <= lastHalf) continue;
			lastHalf = half;
			last = x1;
			box(paint, list.begin[i], list.length[i], middle - half, half * 2,
				() => ({title: list.n[i] > 1 ? count(list.n[i]) + " × " + title
					: title, rows: [["thread", describeThread(thread.tid)],
					["from", moment(list.begin[i], 6)],
					[list.n[i] > 1 ? "in all" : "took", duration(list.sum[i])]]
					.concat(list.n[i] > 1
						? [["longest", duration(list.max[i])]] : [])}));
		}
	};
	lane(thread.waits, "--assist", "assist: waited for the marker", 7);
	lane(thread.stops, "--stop", "time to stop", 7);
}

/* The whole
 * ------------------------------------------------------------------ */

function drawLabels(paint) {
	paint.fillStyle = css("--card");
	paint.fillRect(0, 22, gutter() - (proc.heap.at.length ? 60 : 4), 0);
	for (const row of view.rows) {
		if (!row.name) continue;
		paint.fillStyle = css(row.thread && row.thread.ours ? "--faint" : "--soft");
		let name = row.name;
		while (name.length > 3 && paint.measureText(name).width > gutter() - 10)
			name = name.slice(0, -2) + "\u2026";
		paint.fillText(name, 4, row.y + Math.min(row.height / 2, 14) + 4);
	}
}

function drawView() {
	const canvas = $("view");
	view.width = canvas.clientWidth;
	layoutRows();
	const paint = setupCanvas(canvas, view.height);
	view.hits = [];
	paint.font = "11px system-ui, sans-serif";
	for (const [i, row] of view.rows.entries()) {
		if (i % 2 === 1) {
			paint.fillStyle = css("--row");
			paint.fillRect(gutter(), row.y, view.width - gutter(), row.height);
		}
	}
	for (const row of view.rows) row.draw(paint, row);
	drawLabels(paint);
	if (view.cursor !== null && view.cursor > gutter()) {
		paint.fillStyle = css("--accent");
		paint.fillRect(Math.round(view.cursor), 18, 1, view.height);
		const label = moment(toTime(view.cursor),
			view.hi - view.lo < 1e7 ? 6 : 3);
		const w = paint.measureText(label).width + 10;
		const x = Math.min(Math.max(view.cursor - w / 2, gutter()),
			view.width - w);
		paint.fillRect(x, 2, w, 16);
		paint.fillStyle = css("--card");
		paint.fillText(label, x + 5, 14);
	}
	if (view.chosen) {
		paint.fillStyle = css("--choose");
		paint.fillRect(Math.min(...view.chosen), 0,
			Math.abs(view.chosen[1] - view.chosen[0]), view.height);
	}
	drawOverview();
}

function drawOverview() {
	const paint = setupCanvas($("overview"), 46);
	const span = proc.end - proc.begin || 1, left = gutter();
	const x = t => left + (t - proc.begin) / span * (view.width - left);
	let top = 1;
	for (const high of proc.heap.high) if (high > top) top = high;
	paint.fillStyle = css("--row");
	paint.fillRect(left, 0, view.width - left, 46);
	paint.fillStyle = css("--heap-fill");
	paint.beginPath();
	paint.moveTo(proc.heap.at.length ? x(proc.heap.at[0]) : left, 46);
	for (let i = 0; i < proc.heap.at.length; i++)
		paint.lineTo(x(proc.heap.at[i]), 46 - proc.heap.high[i] / top * 40);
	const n = proc.heap.at.length;
	if (n) paint.lineTo(view.width, 46 - proc.heap.low[n - 1] / top * 40);
	paint.lineTo(view.width, 46);
	paint.fill();
	const s = proc.stops, scale = Math.log(1 + Math.max(proc.longest, 1) / 10);
	paint.fillStyle = css("--stop");
	for (let i = 0; i < s.begin.length; i++) {
		const h = Math.log(1 + s.pause(i) / 10) / scale;
		paint.fillRect(x(s.begin[i]), 46 - h * h * 40, 1, h * h * 40);
	}
	const lo = x(view.lo), hi = Math.max(x(view.hi), lo + 3);
	paint.fillStyle = css("--page");
	paint.globalAlpha = 0.68;
	paint.fillRect(left, 0, lo - left, 46);
	paint.fillRect(hi, 0, view.width - hi, 46);
	paint.globalAlpha = 1;
	paint.strokeStyle = css("--accent");
	paint.strokeRect(lo + 0.5, 0.5, hi - lo - 1, 45);
	paint.fillStyle = css("--soft");
	paint.font = "11px system-ui, sans-serif";
	paint.fillText("all", 4, 18);
	paint.fillText(duration(span), 4, 34);
}

let drawing = false;
function draw() {
	if (drawing) return;
	drawing = true;
	requestAnimationFrame(() => {
		drawing = false;
		drawView();
	});
}

/* Moving about
 * ------------------------------------------------------------------ */

function show(lo, hi) {
	const span = proc.end - proc.begin || 1;
	const size = Math.min(Math.max(hi - lo, 20), span * 1.04);
	const middle = (lo + hi) / 2;
	const edge = span * 0.02;
	view.lo = Math.max(middle - size / 2, proc.begin - edge);
	view.hi = view.lo + size;
	if (view.hi > proc.end + edge) {
		view.hi = proc.end + edge;
		view.lo = view.hi - size;
	}
	draw();
}

const showAll = () => show(proc.begin, proc.end);

function zoom(factor, x) {
	const at = x === undefined ? (view.lo + view.hi) / 2 : toTime(x);
	show(at - (at - view.lo) * factor, at + (view.hi - at) * factor);
}

const pan = share => {
	const step = (view.hi - view.lo) * share;
	show(view.lo + step, view.hi + step);
};

function showStop(i) {
	const s = proc.stops;
	if (i < 0 || i >= s.begin.length) return;
	view.stop = i;
	const room = Math.max(s.length[i] * 3, 2000);
	show(s.begin[i] - room, s.begin[i] + s.length[i] + room);
}

function stepStop(step) {
	const s = proc.stops, middle = (view.lo + view.hi) / 2;
	let i = view.stop;
	const near = i !== undefined && i >= 0 && s.begin[i] >= view.lo &&
		s.begin[i] <= view.hi;
	i = near ? i + step : lowerBound(s.begin, middle) - (step < 0 ? 1 : 0);
	showStop(Math.min(Math.max(i, 0), s.begin.length - 1));
}

function nextWorst() {
	if (!proc.worst.length) return;
	view.worst = view.worst === undefined ? 0
		: (view.worst + 1) % Math.min(proc.worst.length, 50);
	showStop(proc.worst[view.worst]);
}

function hitAt(x, y) {
	for (let i = view.hits.length - 1; i >= 0; i--) {
		const hit = view.hits[i];
		if (x >= hit.x0 && x <= hit.x1 && y >= hit.y0 && y <= hit.y1)
			return hit.tip();
	}
	const row = view.rows.find(r => y >= r.y && y < r.y + r.height);
	if (row && row.name === "memory" && x > gutter()) {
		const t = toTime(x), rows = [["at", moment(t)]];
		for (const name of ["heap", "goal", "resident"]) {
			const value = curveAt(proc[name], t);
			if (value !== null) rows.push([name, bytes(value)]);
		}
		return {title: "Memory", rows};
	}
	if (row && row.thread && x <= gutter())
		return {title: describeThread(row.thread.tid), rows: [
			["stops", count(row.thread.n)],
			["time to stop", "p99 " + duration(row.thread.p99) + ", max " +
				duration(row.thread.max)],
			["assists", count(row.thread.assists)]]};
	return null;
}

function showTip(event, what) {
	const tip = $("tip");
	tip.hidden = !what;
	if (!what) return;
	tip.innerHTML = "<b>" + text(what.title) + "</b><table>" +
		what.rows.map(([name, value]) => "<tr><td>" + text(name) + "</td><td>" +
			text(value) + "</td></tr>").join("") + "</table>";
	const room = tip.getBoundingClientRect();
	tip.style.left = Math.max(4, Math.min(event.clientX + 14,
		innerWidth - room.width - 8)) + "px";
	tip.style.top = Math.max(4, event.clientY + 18 + room.height > innerHeight
		? event.clientY - room.height - 12 : event.clientY + 18) + "px";
}

function listenView() {
	const canvas = $("view"), pointers = new Map();
	let start = null;
	const at = event => {
		const box = canvas.getBoundingClientRect();
		return [event.clientX - box.left, event.clientY - box.top];
	};
	canvas.addEventListener("wheel", event => {
		if (Math.abs(event.deltaX) > Math.abs(event.deltaY))
			pan(event.deltaX / view.width);
		else
			zoom(1.0016 ** Math.max(-400, Math.min(400, event.deltaY *
				(event.deltaMode === 1 ? 30 : 1))), at(event)[0]);
		event.preventDefault();
	}, {passive: false});
	canvas.addEventListener("pointerdown", event => {
		canvas.setPointerCapture(event.pointerId);
		pointers.set(event.pointerId, at(event)[0]);
		start = {x: at(event)[0], lo: view.lo, hi: view.hi};
		if (event.shiftKey) view.chosen = [start.x, start.x];
		if (pointers.size === 2) start.apart = Math.abs(
			[...pointers.values()].reduce((a, b) => a - b));
		canvas.classList.add("moving");
	});
	canvas.addEventListener("pointermove", event => {
		const [x, y] = at(event);
		view.cursor = x;
		if (!pointers.has(event.pointerId)) {
			showTip(event, hitAt(x, y));
			draw();
			return;
		}
		pointers.set(event.pointerId, x);
		showTip(event, null);
		if (view.chosen) {
			view.chosen[1] = x;
			draw();
		} else if (pointers.size === 2) {
			const [a, b] = [...pointers.values()];
			const factor = start.apart / Math.max(Math.abs(a - b), 5);
			const middle = (start.lo + start.hi) / 2;
			const half = (start.hi - start.lo) / 2 * factor;
			show(middle - half, middle + half);
		} else {
			const shift = (start.x - x) / (view.width - gutter()) *
				(start.hi - start.lo);
			show(start.lo + shift, start.hi + shift);
		}
	});
	const up = event => {
		pointers.delete(event.pointerId);
		canvas.classList.remove("moving");
		if (view.chosen) {
			const [a, b] = view.chosen.map(toTime).sort((p, q) => p - q);
			const far = Math.abs(view.chosen[0] - view.chosen[1]) > 3;
			view.chosen = null;
			if (far) show(a, b);
			draw();
		}
	};
	canvas.addEventListener("pointerup", up);
	canvas.addEventListener("pointercancel", up);
	canvas.addEventListener("pointerleave", () => {
		view.cursor = null;
		$("tip").hidden = true;
		draw();
	});
	canvas.addEventListener("dblclick", showAll);
}

function listenOverview() {
	const strip = $("overview");
	let from = null;
	const time = event => {
		const box = strip.getBoundingClientRect();
		const share = (event.clientX - box.left - gutter()) /
			(box.width - gutter());
		return proc.begin + share * (proc.end - proc.begin);
	};
	strip.addEventListener("pointerdown", event => {
		strip.setPointerCapture(event.pointerId);
		from = time(event);
	});
	strip.addEventListener("pointermove", event => {
		if (from !== null)
			show(Math.min(from, time(event)), Math.max(from, time(event)));
	});
	strip.addEventListener("pointerup", event => {
		const to = time(event), size = view.hi - view.lo;
		/* A click: there, as much as could be seen before. */
		if (from !== null && Math.abs(to - from) < (proc.end - proc.begin) / 400)
			show(to - size / 2, to + size / 2);
		from = null;
	});
	strip.addEventListener("dblclick", showAll);
}

function listenKeys() {
	const keys = {"+": () => zoom(0.6), "=": () => zoom(0.6),
		"-": () => zoom(1 / 0.6), "0": showAll, ArrowLeft: () => pan(-0.2),
		ArrowRight: () => pan(0.2), Home: showAll, j: () => stepStop(-1),
		k: () => stepStop(1), p: nextWorst};
	document.addEventListener("keydown", event => {
		if (/INPUT|SELECT/.test(event.target.tagName) || event.ctrlKey ||
			event.metaKey || event.altKey || !keys[event.key]) return;
		keys[event.key]();
		event.preventDefault();
	});
}
