// SPDX-License-Identifier: MIT
// What each view shows of the readings.

import { duration, latency, latencyParts, number, octets, octetsParts, plural } from "./format.js";
import { Operations, Rates } from "./history.js";
import { Plot, Series } from "./plot.js";
import { make, setText, Table } from "./table.js";
import { expiryTone } from "./verdict.js";

const at = (id) => document.getElementById(id);
const count = (name, value, more = {}) => ({ name, value, text: (row) => number(value(row)), kind: "number", ...more });
const time = (name, value) => ({ name, value, text: (row) => duration(value(row)), kind: "number" });
const size = (name, value) => ({ name, value, text: (row) => octets(value(row)), kind: "number" });
const word = (name, value, kind) => ({ name, value, kind });
const user = (row) => row.user ?? "not logged in";

// --- overview ---------------------------------------------------------------------------

const rates = new Rates({ logins: ["logins"], failures: ["auth_failures", "login_errors", "in_use"],
	refused: ["refused"], out: ["octets_out"], in: ["octets_in"], retrieved: ["retrieved"] });
const sessions = new Series(), slow = new Series();
export const operations = new Operations();

class Tile
{
	constructor(name, unit, series, format)
	{
		this.box = make("div", "card tile");
		this.box.setAttribute("role", "group");
		this.box.setAttribute("aria-label", name);
		this.figure = make("p", "figure");
		this.value = make("span");
		this.unit = make("small", "", unit);
		this.figure.append(this.value, this.unit);
		this.more = make("p", "more");
		this.plot = new Plot(name, series, format);
		this.box.append(make("h3", "", name), this.figure, this.more, this.plot.element);
	}
	show(value, unit, more)
	{
		setText(this.value, value);
		setText(this.unit, unit);
		setText(this.more, more);
		this.more.title = more;
	}
}

const perSecond = (n) => number(n) + "/s";
const tiles = {
	sessions: new Tile("Sessions", "", [sessions], (n) => number(n)),
	logins: new Tile("Logins", "/s", [rates.series.logins], perSecond),
	failures: new Tile("Failed logins", "/s", [rates.series.failures], perSecond),
	out: new Tile("Sent", "/s", [rates.series.out, rates.series.in], (n) => octets(n) + "/s"),
	retrieved: new Tile("Messages fetched", "/s", [rates.series.retrieved], perSecond),
	slow: new Tile("Slowest operation", "", [slow], latency),
};
at("tiles").append(...Object.values(tiles).map((tile) => tile.box));

function averages(status, of)
{
	return status.rates.map((rate) => number(of(rate))).join(" · ") + " in 1 · 5 · 15 min";
}

function drawTiles(status, now)
{
	const series = rates.series, rate = status.rates[0];
	const [sent, unit] = octetsParts(series.out.last());
	const slowest = operations.slowest(), [late, lateUnit] = latencyParts(
		slowest && Math.max(slowest.p95, slowest.least));
	tiles.sessions.show(number(status.sessions), "of " + number(status.sessions_max),
		plural(status.totals.connections, "connection", "connections") + " so far");
	tiles.logins.show(number(series.logins.last()), "/s", averages(status, (r) => r.logins_per_s));
	tiles.failures.show(number(series.failures.last()), "/s", "a minute: " +
		`${number(Math.round(rate.auth_failures_per_s * 60))} password · ` +
		`${number(Math.round(rate.in_use_per_s * 60))} in use · ` +
		`${number(Math.round(rate.login_errors_per_s * 60))} other`);
	tiles.out.show(sent, unit ? unit + "/s" : "", `received ${octets(series.in.last())}/s · ` +
		`sent in all ${octets(status.totals.octets_out)}`);
	tiles.retrieved.show(number(series.retrieved.last()), "/s",
		`${number(status.totals.retrieved)} fetched · ${number(status.totals.deleted)} deleted so far`);
	tiles.slow.show(late, lateUnit, slowest ? `95 of 100 calls of ${slowest.name}` : "no calls in this minute");
	for (const tile of Object.values(tiles))
		tile.plot.draw(now);
}

const plots = new Map();
function latencyPlot(entry)
{
	if (!plots.has(entry.key))
		plots.set(entry.key, new Plot(entry.name, [entry.high, entry.median], latency, false));
	return plots.get(entry.key);
}

const within = (name, value) => ({ name, value, kind: "number", text: (entry) =>
	value(entry) !== null && value(entry) < entry.least ? "< " + latency(entry.least) : latency(value(entry)) });

function latencyColumns(first)
{
	return [
		first,
		count("Calls/s", (entry) => entry.perSecond),
		within("Median", (entry) => entry.p50),
		within("95 %", (entry) => entry.p95),
		within("99 %", (entry) => entry.p99),
		count("Failures", (entry) => entry.failures, { tone: (entry) => entry.failures ? "bad" : "" }),
		{ name: "Over time", element: (entry) => latencyPlot(entry).element, kind: "plotted" },
	];
}

const latencies = new Table(at("latencies"), { caption: "Latencies of module operations",
	empty: "No module has been called.", columns: latencyColumns(word("Operation", (entry) => entry.name)) });
const listeners = new Table(at("listeners"), { caption: "Listeners", empty: "No address is listened on.",
	columns: [
		word("Address", (row) => row.address),
		word("TLS", (row) => row.tls ? "from the first octet" : "none"),
		{ name: "Passwords in the clear", value: (row) => row.tls ? "no" : row.plaintext_auth ? "from anywhere" : "from this machine",
			tone: (row) => row.plaintext_auth && !row.tls ? "warn" : "" },
	] });
const generations = new Table(at("generations"), { caption: "Generations", empty: "None serves.", columns: [
	{ name: "Generation", value: (row) => row.generation, text: (row) => "Generation " + row.generation },
	word("Phase", (row) => row.phase),
	time("Age", (row) => row.age_s),
	{ name: "Workers", value: (row) => row.workers_up, text: (row) => `${row.workers_up} of ${row.workers}`, kind: "number",
		tone: (row) => row.phase === "serving" && row.workers_up < row.workers ? "bad" : "" },
	count("Sessions", (row) => row.sessions),
] });

// Every reading: also of what is not shown now, so that the plots have no gaps.
export function remember(now, { status, modules })
{
	rates.add(now, status.totals);
	sessions.add(now, status.sessions);
	if (modules)
		operations.add(now, modules.modules);
	slow.add(now, operations.slowest()?.p95 ?? null);
}

// --- the other views --------------------------------------------------------------------

const stateTone = (state) => ({ down: "bad", starting: "warn" })[state] ?? "";
const tables = {
	sessions: new Table(at("sessions"), { caption: "Sessions", nouns: ["session", "sessions"], filter: true, sort: "Age", empty: "Nobody is connected.", columns: [
		{ name: "User", value: (row) => row.user, text: user, kind: "wrap", tone: (row) => row.user === null ? "muted" : "" },
		word("Address", (row) => row.address),
		word("State", (row) => row.state),
		time("Age", (row) => row.age_s),
		time("Idle", (row) => row.idle_s),
		{ name: "Fetched", value: (row) => row.retrieved, text: (row) => row.user === null ? "–" : `${row.retrieved} of ${row.messages}`, kind: "number" },
		size("Sent", (row) => row.octets_out),
		size("Received", (row) => row.octets_in),
		{ name: "TLS", value: (row) => row.tls, text: (row) => row.tls ?? "none" },
		word("Login", (row) => row.mechanism),
		count("Worker", (row) => row.worker),
		word("Session", (row) => row.id, "code"),
	] }),
	workers: new Table(at("workers"), { caption: "Workers", nouns: ["worker", "workers"], filter: true, sort: "Worker", empty: "There are no workers.", columns: [
		{ name: "Worker", value: (row) => row.worker, text: (row) => "Worker " + row.worker, },
		{ name: "State", value: (row) => row.state, tone: (row) => stateTone(row.state) },
		count("Generation", (row) => row.generation),
		{ name: "Process", value: (row) => row.pid, text: (row) => row.pid ? String(row.pid) : "–", kind: "number" },
		count("Sessions", (row) => row.sessions),
		count("Logins", (row) => row.totals.logins),
		count("Fetched", (row) => row.totals.retrieved),
		size("Sent", (row) => row.totals.octets_out),
		{ name: "Doing", value: (row) => row.doing.map((doing) => doing.call + (doing.user ? " for " + doing.user : "")).join(", ") || "nothing", kind: "wrap",
			tone: (row) => row.doing.length ? "" : "muted" },
	] }),
	locks: new Table(at("locks"), { caption: "Session locks", nouns: ["lock", "locks"], filter: true, sort: "Held", empty: "No maildrop is locked.", columns: [
		{ name: "User", value: (row) => row.user, text: user, kind: "wrap" },
		word("Address", (row) => row.address),
		time("Held", (row) => row.held_s),
		time("Idle", (row) => row.idle_s),
		count("Worker", (row) => row.worker),
		word("Session", (row) => row.session, "code"),
		word("Lock", (row) => row.lock, "code"),
	] }),
	certificates: new Table(at("certificate-table"), { caption: "Certificates", empty: "There is no certificate: no listener has TLS.", columns: [
		{ name: "For", value: (row) => row.names.join(", ") || row.subject, kind: "wrap" },
		{ name: "Expires", value: (row) => row.expires_s, tone: (row) => expiryTone(row) || "good",
			text: (row) => row.expires_s > 0 ? "in " + duration(row.expires_s) : duration(-row.expires_s) + " ago" },
		{ name: "On", value: (row) => row.not_after, text: (row) => row.not_after.slice(0, 10), },
		word("Key", (row) => row.key),
		word("Issuer", (row) => row.issuer, "wrap"),
		{ name: "OCSP", value: (row) => row.ocsp ? "stapled" : "none" },
		word("File", (row) => row.file, "wrap"),
	] }),
};

// A module's box: made once, filled again.
class ModuleBox
{
	constructor(module)
	{
		this.box = make("article", "module");
		this.head = make("h3");
		this.about = make("p", "muted");
		this.box.append(this.head, this.about);
		this.table = new Table(this.box, { caption: "Operations of " + module.name, empty: "It has no operations.",
			columns: [...latencyColumns(word("Operation", (entry) => entry.total.operation)).slice(0, 5),
				count("Calls", (entry) => entry.total.calls),
				count("Failures", (entry) => entry.total.failures, { tone: (entry) => entry.total.failures ? "bad" : "" })] });
		this.lists = make("dl");
		this.box.append(this.lists);
	}
	fill(module)
	{
		setText(this.head, module.name);
		setText(this.about, `${module.list} · module ${module.module} ${module.version} · ${module.description}`);
		this.table.fill(operations.all().filter((entry) => entry.module === module));
		const pairs = [...module.options.map((option) => [option.name, option.value, ""]),
			...module.statistics.map((entry) => [entry.name, number(entry.value), entry.help])];
		while (this.lists.children.length > pairs.length)
			this.lists.lastChild.remove();
		pairs.forEach(([name, value, help], i) => {
			const pair = this.lists.children[i] ?? this.lists.appendChild(make("div"));
			if (!pair.firstChild)
				pair.append(make("dt"), make("dd"));
			setText(pair.children[0], name);
			setText(pair.children[1], value);
			pair.title = help;
		});
	}
}

const boxes = new Map();
const crashHead = make("h2", "", "Crashes"), crashBox = make("div"), moduleBox = make("div");
at("modules").append(moduleBox, crashHead, crashBox);
const crashes = new Table(crashBox, { caption: "Crashes", empty: "No worker has died.", columns: [
	{ name: "Reason", value: (row) => row.reason, kind: "wrap" },
	{ name: "At", value: (row) => row.at, text: (row) => new Date(row.at).toLocaleString("sv") },
	word("Doing", (row) => row.doing, "wrap"),
	word("Where", (row) => row.where, "wrap"),
	word("User", (row) => row.user, "wrap"),
	word("Address", (row) => row.address),
	count("Worker", (row) => row.worker),
	count("Sessions lost", (row) => row.sessions),
] });

function drawModules({ modules, crashes: died })
{
	const wanted = modules.map((module) => {
		const key = module.list + " " + module.name;
		if (!boxes.has(key))
			boxes.set(key, new ModuleBox(module));
		const box = boxes.get(key);
		box.fill(module);
		return box.box;
	});
	if (wanted.length !== moduleBox.children.length || wanted.some((box, i) => moduleBox.children[i] !== box))
		moduleBox.replaceChildren(...wanted);
	crashes.fill(died);
}

function drawUse(tls)
{
	const card = (name, rows) => {
		const box = make("div", "card use"), all = rows.reduce((sum, row) => sum + row.count, 0);
		box.append(make("h3", "", name));
		for (const row of rows) {
			const line = make("p"), bar = make("progress");
			line.append(make("span", "", row.name), make("span", "muted", number(row.count)));
			bar.max = Math.max(1, all);
			bar.value = row.count;
			bar.setAttribute("aria-label", row.name);
			box.append(line, bar);
		}
		if (!rows.length)
			box.append(make("p", "muted", "none yet"));
		return box;
	};
	at("tls-use").replaceChildren(
		card("Handshakes", [{ name: "resumed", count: tls.resumed }, { name: "full", count: tls.handshakes - tls.resumed },
			{ name: "failed", count: tls.failures }]),
		card("Versions", tls.versions), card("Ciphers", tls.ciphers), card("Login mechanisms", tls.mechanisms));
}

export const filterOf = (view) => tables[view]?.input;

export const draw = {
	overview({ status }, now)
	{
		drawTiles(status, now);
		latencies.fill(operations.all().filter((entry) => entry.total.calls > 0));
		for (const entry of operations.all())
			plots.get(entry.key)?.draw(now);
		listeners.fill(status.listeners);
		generations.fill(status.generations);
	},
	sessions({ sessions: read, status })
	{
		tables.sessions.say(!read.next ? "" : `The first ${number(read.sessions.length)} of about ` +
			`${number(status.sessions)}. The whole name of a user, or a whole address, finds the others, too.`);
		tables.sessions.fill(read.sessions);
	},
	workers({ workers })
	{
		tables.workers.fill(workers.workers);
	},
	modules({ modules })
	{
		drawModules(modules);
	},
	locks({ locks })
	{
		tables.locks.fill(locks.locks);
	},
	certificates({ tls })
	{
		tables.certificates.fill(tls.certificates);
		drawUse(tls);
	},
};
