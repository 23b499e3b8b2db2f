/* trace_cards.js -- figures, charts, tables; what begins it all
 */
function figure(name, value, bad) {
	return '<div class="figure' + (bad ? " bad" : "") + '"><span>' + text(name) +
		"</span><b>" + text(value) + "</b></div>";
}

function utilizationAt(window) {
	const row = proc.mmu.find(r => r[0] >= window);
	return row ? percent(row[2]) : "–";
}

function drawFigures() {
	const span = proc.end - proc.begin;
	const given = proc.cycles.filter(c => c.abandoned).length;
	const list = [
		figure("time", duration(span)),
		figure("cycles", count(proc.ncycles)),
		figure("given up", count(given), given > 0),
		figure("pauses", count(proc.npauses)),
		figure("pause p50", proc.npauses ? duration(proc.p50) : "–"),
		figure("pause p99", proc.npauses ? duration(proc.p99) : "–"),
		figure("longest pause", proc.npauses ? duration(proc.longest) : "–"),
		figure("stopped", span ? (proc.stopped / span * 100).toFixed(3) + " %" : "–"),
		figure("utilization, 10 ms", utilizationAt(1e5)),
		figure("peak heap", bytes(proc.peak)),
		figure("reclaimed", bytes(proc.reclaimed)),
		figure("threads", count(proc.nthreads)),
	];
	$("figures").innerHTML = list.join("");
	const alarms = [];
	if (proc.counts[1])
		alarms.push(count(proc.counts[1]) + " late frees: blocks were freed " +
			"that had seemed lost. Nothing is reclaimed in this process " +
			"any more.");
	if (proc.lost)
		alarms.push(count(proc.lost) + " events were lost: there was no room " +
			"for them. What is shown has holes.");
	$("alarms").innerHTML = alarms.map(a =>
		'<div class="alarm">' + text(a) + "</div>").join("");
}

function drawHead() {
	const name = proc.name + (proc.pid ? ", process " + proc.pid : "");
	$("name").textContent = name;
	document.title = name + " – gcmalloc trace";
	const about = [];
	if (proc.wall !== undefined)
		about.push(day(proc.begin) + ", " + moment(proc.begin, 0) + " to " +
			moment(proc.end, 0));
	if (proc.parent) about.push("child of " + proc.parent);
	if (proc.cpus) about.push(proc.cpus + " CPUs");
	about.push(!proc.ended ? "its end is not in the trace"
		: proc.status ? "ended with status " + proc.status : "ended");
	about.push(count(proc.events) + " events");
	about.push(data.file);
	$("about").textContent = about.join(" · ");
}

function drawLegend() {
	const entry = (color, name) => '<span><i style="background:' + color +
		'"></i>' + text(name) + "</span>";
	const used = new Set();
	for (const cycle of proc.cycles)
		for (const phase of cycle.phases) used.add(phase.name);
	const marks = MARKS.filter((m, i) => proc.counts[i] && m.color);
	$("legend").innerHTML = [
		entry("var(--heap)", "heap"), entry("var(--goal)", "goal"),
		proc.resident.at.length ? entry("var(--resident)", "resident") : "",
		entry("var(--cycle)", "cycle"), entry("var(--given-up)", "given up"),
		entry("var(--stop)", "world stopped, time to stop"),
		entry("var(--failed)", "stop that failed"),
		entry("var(--assist)", "assist"),
		...[...used].map(n => entry(phaseColor(n), n)),
		...marks.map(m => entry("var(" + m.color + ")", m.name)),
	].join("");
}

/* Charts
 * ------------------------------------------------------------------ */

const svg = (width, height, inside) => '<svg viewBox="0 0 ' + width + " " +
	height + '" role="img">' + inside + "</svg>";
const label = (x, y, anchor, words) => '<text x="' + x + '" y="' + y +
	'" text-anchor="' + anchor + '">' + text(words) + "</text>";

/* Pauses, two bars for each doubling. */
function drawPauses() {
	if (!proc.npauses) {
		$("pauses").innerHTML = '<p class="none">The world was never stopped.</p>';
		return;
	}
	const bars = new Map();
	for (let i = 0; i < proc.pauses.length; i += 2) {
		const k = Math.floor(Math.log2(Math.max(proc.pauses[i], 1)) * 2 + 1e-9);
		bars.set(k, (bars.get(k) || 0) + proc.pauses[i + 1]);
	}
	const first = Math.min(...bars.keys()), last = Math.max(...bars.keys());
	const n = last - first + 1, most = Math.max(...bars.values());
	const width = 640, height = 250, left = 44, bottom = 214;
	const step = (width - left - 8) / n;
	let inside = "";
	for (let k = first; k <= last; k++) {
		const value = bars.get(k) || 0, x = left + (k - first) * step;
		const tall = value ? Math.max(2, value / most * 180) : 0;
		const from = duration(2 ** (k / 2) / 100);
		inside += '<rect x="' + (x + 1) + '" y="' + (bottom - tall) +
			'" width="' + Math.max(step - 2, 1) + '" height="' + tall +
			'" rx="2" fill="var(--stop)" fill-opacity="0.8"><title>' + from +
			" – " + duration(2 ** ((k + 1) / 2) / 100) + ": " + count(value) +
			"</title></rect>";
		if (value && step > 22)
			inside += label(x + step / 2, bottom - tall - 4, "middle", count(value));
		if ((k - first) % Math.ceil(n / 8) === 0)
			inside += label(x, bottom + 16, "middle", from);
	}
	const mark = (units, name) => {
		const x = left + (Math.log2(Math.max(units * 100, 1)) * 2 - first) * step;
		return '<line x1="' + x + '" x2="' + x + '" y1="18" y2="' + bottom +
			'" stroke="var(--soft)" stroke-dasharray="3 3"/>' +
			label(x, 13, "middle", name);
	};
	inside += '<line class="axis" x1="' + left + '" x2="' + width + '" y1="' +
		bottom + '" y2="' + bottom + '"/>' + mark(proc.p50, "p50") +
		(proc.p99 > proc.p50 * 1.3 ? mark(proc.p99, "p99") : "") +
		label(left - 6, bottom - 176, "end", count(most)) +
		label(left, bottom + 33, "start",
			"how long the world was stopped; " + count(proc.npauses) +
			" times, " + duration(proc.stopped) + " in all");
	$("pauses").innerHTML = svg(width, height, inside);
}

/* The least utilisation over windows of each size. */
function drawUtilization() {
	const list = proc.mmu;
	if (list.length < 2) {
		$("mmu").innerHTML = '<p class="none">Too short to be told.</p>';
		return;
	}
	const width = 640, height = 250, left = 48, bottom = 204;
	const lo = Math.log10(list[0][0]), hi = Math.log10(list[list.length - 1][0]);
	const x = w => left + (Math.log10(w) - lo) / (hi - lo) * (width - left - 16);
	const y = u => bottom - u * 180;
	let inside = "";
	for (const share of [0, 0.25, 0.5, 0.75, 1])
		inside += '<line class="grid" x1="' + left + '" x2="' + width +
			'" y1="' + y(share) + '" y2="' + y(share) + '"/>' +
			label(left - 6, y(share) + 4, "end", share * 100 + " %");
	for (let w = 10 ** Math.ceil(lo - 1e-9); w <= 10 ** hi * 1.01; w *= 10)
		inside += label(x(w), bottom + 16, "middle",
			duration(w).replace(/\.0+ /, " "));
	const path = (k, color, dash) => '<path fill="none" stroke-width="2" ' +
		'stroke="var(' + color + ')"' +
		(dash ? ' stroke-dasharray="6 4"' : "") + ' d="' +
		list.map((r, i) => (i ? "L" : "M") + x(r[0]).toFixed(1) + " " +
			y(r[k]).toFixed(1)).join("") + '"/>';
	const assists = list.some(r => r[2] < r[1] - 1e-4);
	inside += path(1, "--accent");
	if (assists) inside += path(2, "--assist", true);
	for (const r of list)
		inside += '<circle cx="' + x(r[0]) + '" cy="' + y(r[1]) +
			'" r="3" fill="var(--accent)"><title>any ' + duration(r[0]) +
			": at least " + percent(r[1]) +
			(assists ? ", of the worst thread " + percent(r[2]) : "") +
			"</title></circle>";
	inside += label(left, bottom + 33, "start",
		"of any window so long, the program had at least so much" +
		(assists ? "; dashed: its worst thread, with assists" : ""));
	$("mmu").innerHTML = svg(width, height, inside);
}

/* Tables
 * ------------------------------------------------------------------ */

const LIMIT = 400;

/* columns: {name, value(row), show(row), text}; click on a head sorts. */
function table(place, rows, columns, sort, click) {
	const box = $(place);
	let {by, down} = sort, limit = LIMIT;
	const fill = () => {
		const value = columns[by].value;
		const list = rows.slice().sort((a, b) => {
			const p = value(a), q = value(b);
			const order = p < q ? -1 : p > q ? 1 : 0;
			return down ? -order : order;
		});
		const head = columns.map((c, i) => '<th class="' +
			(c.text ? "text " : "") + (i === by ? down ? "down" : "up" : "") +
			'" data-i="' + i + '" scope="col">' + text(c.name) + "</th>").join("");
		const body = list.slice(0, limit).map((r, k) => '<tr data-k="' + k +
			'"' + (click ? ' class="go" tabindex="0"' : "") + ">" +
			columns.map(c => '<td class="' + (c.text ? "text" : "") + '">' +
				text(c.show ? c.show(r) : value0(c.value(r))) + "</td>").join("") +
			"</tr>").join("");
		box.innerHTML = rows.length === 0 ? '<p class="none">None.</p>'
			: "<table><thead><tr>" + head + "</tr></thead><tbody>" + body +
			"</tbody></table>" + (list.length > limit
				? '<button class="more">' + count(list.length - limit) +
				" more</button>" : "");
		box.onclick = event => {
			const th = event.target.closest("th"), tr = event.target.closest("tr");
			if (event.target.className === "more") {
				limit *= 10;
				fill();
			} else if (th) {
				const i = Number(th.dataset.i);
				down = i === by ? !down : !columns[i].text;
				by = i;
				fill();
			} else if (tr && click && tr.dataset.k) {
				for (const other of box.querySelectorAll("tr.at"))
					other.classList.remove("at");
				tr.classList.add("at");
				click(list[tr.dataset.k]);
			}
		};
		box.onkeydown = event => {
			if (event.key === "Enter" && event.target.click) event.target.click();
		};
	};
	fill();
}

const value0 = value => typeof value === "number" ? count(value) : value;

function goTo(begin, length, share = 0.5) {
	const room = Math.max(length * share, 1000);
	show(begin - room, begin + length + room);
	$("view").scrollIntoView({block: "nearest"});
}

function drawCycleTable() {
	const which = $("cycles-which").value;
	const rows = proc.cycles.filter(c => which === "all" ||
		(which === "given") === (c.abandoned !== ""));
	table("cycles", rows, [
		{name: "cycle", value: c => c.number},
		{name: "began", value: c => c.begin, show: c => moment(c.begin)},
		{name: "took", value: c => c.length, show: c => duration(c.length)},
		{name: "why", value: c => c.why, text: true},
		{name: "end", value: c => c.abandoned || (c.ended ? "" : "~"), text: true,
			show: c => c.abandoned ? "given up: " + c.abandoned
				: c.ended ? "completed" : "not ended"},
		{name: "stops", value: c => c.nstops},
		{name: "longest", value: c => c.longest, show: c => duration(c.longest)},
		{name: "stopped", value: c => c.stopped, show: c => duration(c.stopped)},
		{name: "mark CPU", value: c => c.cpu, show: c => duration(c.cpu)},
		{name: "heap", value: c => c.heap, show: c => bytes(c.heap)},
		{name: "live", value: c => c.live,
			show: c => c.ended && !c.abandoned ? bytes(c.live) : "–"},
		{name: "reclaimed", value: c => c.reclaimed, show: c => bytes(c.reclaimed)},
		{name: "blocks", value: c => c.blocks},
		{name: "limbo", value: c => c.limbo, show: c => bytes(c.limbo)},
		{name: "goal", value: c => c.goal, show: c => bytes(c.goal)},
	], {by: 0, down: false}, c => goTo(c.begin, c.length, 0.15));
}

function drawTables() {
	const s = proc.stops;
	table("worst", proc.worst.slice(0, 100), [
		{name: "began", value: i => s.begin[i], show: i => moment(s.begin[i])},
		{name: "took", value: i => s.pause(i), show: i => duration(s.pause(i))},
		{name: "stood after", value: i => s.stood[i],
			show: i => s.stood[i] ? duration(s.stood[i]) : "–"},
		{name: "slowest thread", value: i => s.latency[i], text: true,
			show: i => s.failed(i) ? describeThread(s.extra[i] - 1) +
				", did not answer"
				: s.slowest[i] ? describeThread(s.slowest[i]) + ", " +
				duration(s.latency[i]) : "–"},
		{name: "cycle", value: i => s.cycle[i],
			show: i => s.cycle[i] ? s.cycle[i] - 1 : "–"},
	], {by: 1, down: true}, showStop);
	table("threads", proc.threads.filter(t => t.n || t.assists), [
		{name: "thread", value: t => t.name, show: t => t.name || "–", text: true},
		{name: "id", value: t => t.tid, show: t => t.tid},
		{name: "stops", value: t => t.n},
		{name: "p50", value: t => t.p50, show: t => duration(t.p50)},
		{name: "p99", value: t => t.p99, show: t => duration(t.p99)},
		{name: "max", value: t => t.max, show: t => duration(t.max)},
		{name: "at", value: t => t.at, show: t => moment(t.at)},
		{name: "assists", value: t => t.assists},
		{name: "waited", value: t => t.waited, show: t => duration(t.waited)},
		{name: "longest", value: t => t.longest, show: t => duration(t.longest)},
	], {by: 5, down: true}, t => goTo(t.at, t.max, 3));
	table("sets", proc.sets, [
		{name: "name", value: s => s[0], text: true},
		{name: "value", value: s => s[1], text: true},
	], {by: 0, down: false});
	drawCycleTable();
}

/* The whole
 * ------------------------------------------------------------------ */

function drawAll() {
	drawHead();
	drawFigures();
	drawLegend();
	drawPauses();
	drawUtilization();
	drawTables();
}

function chooseProcess(index) {
	proc = readProcess(data.processes[index]);
	view.stop = view.worst = undefined;
	drawAll();
	showAll();
}

/* For tests: what the page found, and what it would show, as JSON. */
function selftest() {
	const result = {processes: data.processes.length,
		took: performance.now() - begun};
	result.parts = data.processes.map((raw, i) => {
		chooseProcess(i);
		drawView();
		let sum = 0, n = 0;
		const s = proc.stops;
		for (let k = 0; k < s.begin.length; k++) {
			sum += s.n[k] === 1 ? s.length[k] : s.sum[k];
			n += s.n[k];
		}
		const part = {pid: proc.pid, stops: n, stopped: sum,
			cycles: proc.cycles.length + proc.rest.n.reduce((a, b) => a + b, 0),
			rows: view.rows.length, hits: view.hits.length,
			begin: moment(proc.begin), day: proc.wall !== undefined
				? day(proc.begin) : "",
			figures: $("figures").textContent, mmu: proc.mmu};
		if (proc.worst.length) {
			nextWorst();
			drawView();
			const at = s.begin[proc.worst[0]], row = view.rows.find(r =>
				r.name === "stops");
			const left = gutter(), width = view.width - left;
			const y = row.y + row.height - 6;
			const scale = window.devicePixelRatio || 1;
			const size = view.hi - view.lo;
			const x = left + (at + s.length[proc.worst[0]] * 0.9 - view.lo) /
				size * width;
			const line = $("view").getContext("2d").getImageData(0, y * scale,
				view.width * scale, 1).data;
			const color = i => [...line.slice(i * 4, i * 4 + 3)];
			part.worst = s.pause(proc.worst[0]);
			part.tip = hitAt(x, y);
			part.pixel = color(Math.round(x * scale));
			/* From where to where it has that colour, of the plot's width. */
			let lo = Math.round(x * scale), hi = lo;
			while (lo > 0 && String(color(lo - 1)) === String(part.pixel)) lo--;
			while (hi < view.width * scale &&
				String(color(hi + 1)) === String(part.pixel)) hi++;
			part.drawn = [(lo / scale - left) / width,
				((hi + 1) / scale - left) / width];
			part.meant = [(at - view.lo) / size,
				(at + s.length[proc.worst[0]] - view.lo) / size];
			part.stood = s.stood[proc.worst[0]];
			part.zoomed = view.hi - view.lo;
		}
		return part;
	});
	$("selftest").textContent = JSON.stringify(result);
}

let begun;
function start() {
	begun = performance.now();
	data = JSON.parse($("data").textContent);
	$("data").remove();
	const choice = $("process");
	choice.innerHTML = data.processes.map((p, i) => '<option value="' + i + '">' +
		text(p.pid + " " + p.name) + ", " + count(p.ncycles) + " cycles, longest " +
		duration(p.longest) + "</option>").join("");
	$("process-label").hidden = data.processes.length < 2;
	choice.onchange = () => chooseProcess(Number(choice.value));
	$("clock").onchange = () => {
		clock = $("clock").value;
		drawAll();
		draw();
	};
	$("clock").parentElement.hidden =
		data.processes.every(p => p.wall === undefined);
	$("cycles-which").onchange = drawCycleTable;
	$("go").onsubmit = event => {
		const t = parseMoment($("go-to").value);
		event.preventDefault();
		const size = Math.min(view.hi - view.lo, 1e7);
		const good = t >= proc.begin - 6e8 && t <= proc.end + 6e8;
		$("go").classList.toggle("wrong", !good);
		if (good) show(t - size / 2, t + size / 2);
	};
	$("longest").onclick = nextWorst;
	$("previous").onclick = () => stepStop(-1);
	$("next").onclick = () => stepStop(1);
	$("in").onclick = () => zoom(0.6);
	$("out").onclick = () => zoom(1 / 0.6);
	$("all").onclick = showAll;
	listenView();
	listenOverview();
	listenKeys();
	new ResizeObserver(draw).observe($("timeline"));
	matchMedia("(prefers-color-scheme: dark)").onchange = () => {
		colors = {};
		draw();
	};
	/* The process with the most to be seen. */
	let best = 0;
	data.processes.forEach((p, i) => {
		if (p.ncycles > data.processes[best].ncycles) best = i;
	});
	choice.value = best;
	chooseProcess(best);
	drawView();
	if (location.hash === "#selftest") selftest();
	else if (location.hash === "#pause") nextWorst();
}
