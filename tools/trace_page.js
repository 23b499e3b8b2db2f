/* trace_page.js -- the data of the page, numbers as they are shown
 *
 * Times are in units of 100 ns since the trace's first event.
 */
const UNIT = 1e-7; /* s */
const $ = id => document.getElementById(id);
let data, proc, clock = "wall";

const MARKS = [
	{name: "fork", color: "--accent"},
	{name: "late free", color: "--stop"},
	{name: "the program says", color: "--resident"},
	{name: "scavenged", color: "--cycle"},
	{name: "the heap grew", color: "--faint"},
	{name: "thread", color: "--soft"},
	{name: "collector", color: "--soft"},
];

/* Colours of phases, light enough for both schemes. */
const PHASES = {
	begin: "#8c959f", arm: "#d4a72c", stacks: "#e16f24", mark: "#2da44e",
	preclean: "#1b7c83", finish: "#a475f9", sweep: "#54aeff",
	snapshot: "#e85aad", verify: "#7d4e57",
};
const phaseColor = name => PHASES[name] || "#768390";

/* Colours of the scheme, asked for once. */
let colors = {};
function css(name) {
	if (colors[name] === undefined)
		colors[name] = getComputedStyle(document.documentElement)
			.getPropertyValue(name).trim();
	return colors[name];
}

function text(value) {
	return String(value).replace(/[&<>"]/g, c =>
		({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"})[c]);
}

function digits(value) {
	return value < 9.995 ? value.toFixed(2)
		: value < 99.95 ? value.toFixed(1) : value.toFixed(0);
}

function duration(units) {
	const ns = units * 100;
	if (ns < 1e3) return Math.round(ns) + " ns";
	if (ns < 999.5e3) return digits(ns / 1e3) + " µs";
	if (ns < 999.5e6) return digits(ns / 1e6) + " ms";
	if (ns < 120e9) return digits(ns / 1e9) + " s";
	return digits(ns / 60e9) + " min";
}

function bytes(value) {
	const names = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
	let i = 0;
	while (value >= 999.5 && i < names.length - 1) {
		value /= 1024;
		i++;
	}
	return (i === 0 ? value : digits(value)) + " " + names[i];
}

const count = value => String(value).replace(/\B(?=(\d{3})+$)/g, "\u202f");
const percent = share => (share * 100).toFixed(share > 0.995 && share < 1 ? 2 : 1) + " %";
const two = n => String(n).padStart(2, "0");

/* A moment with that many digits behind the second. */
function moment(units, places = 3) {
	if (clock === "since" || proc.wall === undefined)
		return (units * UNIT).toFixed(places) + " s";
	const ms = proc.wall + units / 1e4;
	const date = new Date(Math.floor(ms));
	let result = two(date.getHours()) + ":" + two(date.getMinutes()) + ":" +
		two(date.getSeconds());
	if (places > 0) {
		const part = ms % 1000 / 1000;
		result += Math.min(part, 1 - 10 ** -places / 2)
			.toFixed(places).slice(1);
	}
	return result;
}

function day(units) {
	const date = new Date(proc.wall + units / 1e4);
	return date.getFullYear() + "-" + two(date.getMonth() + 1) + "-" +
		two(date.getDate());
}

/* What a person typed as a time; NaN: it is none. */
function parseMoment(typed) {
	const parts = typed.trim().match(
		/^(?:(\d{1,2}):(\d{2})(?::(\d{2}(?:\.\d+)?))?|(\d+(?:\.\d+)?)\s*s?)$/);
	if (!parts) return NaN;
	if (parts[4] !== undefined) return Number(parts[4]) / UNIT;
	if (proc.wall === undefined) return NaN;
	const begin = new Date(proc.wall + proc.begin / 1e4);
	const date = new Date(begin);
	date.setHours(Number(parts[1]), Number(parts[2]), 0, 0);
	let ms = date.getTime() + Number(parts[3] || 0) * 1000;
	if (ms < begin.getTime() - 60000) ms += 86400e3; /* the next day */
	return (ms - proc.wall) * 1e4;
}

/* Lists, from deltas to columns
 * ------------------------------------------------------------------ */

function columns(flat, width) {
	const n = Math.floor(flat.length / width);
	const list = Array.from({length: width}, () => new Float64Array(n));
	let at = 0;
	for (let i = 0; i < n; i++) {
		at += flat[i * width];
		list[0][i] = at;
		for (let k = 1; k < width; k++) list[k][i] = flat[i * width + k];
	}
	return list;
}

function readLane(flat) {
	const [begin, length, n, sum, max] = columns(flat, 5);
	return {begin, length, n, sum, max};
}

function readStops(flat) {
	const [begin, length, stood, latency, slowest, cycle, n, sum, extra] =
		columns(flat, 9);
	return {begin, length, stood, latency, slowest, cycle, n, sum, extra,
		failed: i => n[i] === 1 && extra[i] > 0,
		pause: i => n[i] === 1 ? length[i] : extra[i]};
}

function readCurve(flat) {
	const [at, low, high] = columns(flat, 3);
	return {at, low, high};
}

function readCycle(row) {
	const word = i => data.words[i];
	const phases = [];
	for (let i = 0; i + 2 < row[17].length; i += 3)
		phases.push({name: word(row[17][i]), begin: row[1] + row[17][i + 1],
			length: row[17][i + 2]});
	return {number: row[0], begin: row[1], length: row[2], why: word(row[3]),
		abandoned: word(row[4]), heap: row[5], live: row[6], goal: row[7],
		reclaimed: row[8], blocks: row[9], limbo: row[10], nstops: row[11],
		stopped: row[12], longest: row[13], cpu: row[14],
		backEnd: word(row[15]), ended: row[16] === 1, phases};
}

function readProcess(raw) {
	if (raw.ready) return raw;
	raw.ready = true;
	raw.cycles = raw.cycles.map(readCycle);
	raw.rest = readLane(raw.rest);
	raw.stops = readStops(raw.stops);
	for (const thread of raw.threads) {
		thread.stops = readLane(thread.stops);
		thread.waits = readLane(thread.waits);
	}
	for (const name of ["heap", "goal", "resident"])
		raw[name] = readCurve(raw[name]);
	raw.marks = raw.marks.map(([at, kind, tid, value, said]) =>
		({at, kind, tid, value, said}));
	raw.worst = Array.from(raw.stops.begin.keys())
		.sort((a, b) => raw.stops.pause(b) - raw.stops.pause(a));
	return raw;
}

/* The first entry that is not below a value. */
function lowerBound(list, value) {
	let lo = 0, hi = list.length;
	while (lo < hi) {
		const mid = (lo + hi) >> 1;
		if (list[mid] < value) lo = mid + 1;
		else hi = mid;
	}
	return lo;
}

function describeThread(tid) {
	const thread = proc.threads.find(t => t.tid === tid);
	return thread && thread.name ? thread.name + " (" + tid + ")" : String(tid);
}
