// SPDX-License-Identifier: MIT
// Reads what the view needs, every two seconds while somebody can see it.

import { judge } from "./verdict.js";
import { setText } from "./table.js";
import { draw, filterOf, remember } from "./views.js";
import { number, duration } from "./format.js";

const EVERY_MS = 2000;
const TIMEOUT_MS = 8000;
const TLS_MS = 60000;
const SESSIONS = 1000;

const at = (id) => document.getElementById(id);
const views = ["overview", "sessions", "workers", "modules", "locks", "certificates"];
const read = {};
let view = "overview", timer = 0, busy = false, statusRead = 0, tlsRead = 0;

// --- reading ----------------------------------------------------------------------------

class Unanswered extends Error {}

async function get(path)
{
	let answer, body;
	try {
		answer = await fetch("v1/" + path, { signal: AbortSignal.timeout(TIMEOUT_MS), cache: "no-store" });
		body = await answer.json().catch(() => null);
	} catch {
		throw new Unanswered("What serves this page, popartctl web, has ended. Start it again; it prints a new link.");
	}
	if (answer.status === 403 && !body?.error)
		throw new Unanswered("This page is not valid any more. popartctl web prints a new link.");
	if (!answer.ok || !body)
		throw new Unanswered(body?.error ?? `The server answers ${answer.status}.`);
	return body;
}

// All, or where they are too many, those that the filter names exactly besides the first.
async function getSessions()
{
	const first = await get("sessions?limit=" + SESSIONS), wanted = filterOf("sessions").value.trim();
	if (!first.next || !wanted)
		return first;
	const name = encodeURIComponent(wanted), seen = new Set(first.sessions.map((row) => row.id));
	for (const key of ["user", "address"]) {
		const more = await get(`sessions?limit=${SESSIONS}&${key}=${name}`);
		for (const row of more.sessions) {
			if (!seen.has(row.id))
				first.sessions.push(row);
			seen.add(row.id);
		}
	}
	return first;
}

const more = {
	sessions: async () => { read.sessions = await getSessions(); },
	workers: async () => { read.workers = await get("workers"); },
	locks: async () => { read.locks = await get("locks"); },
	certificates: async () => { read.tls = await get("tls"); },
};

async function sample()
{
	const wanted = view;
	const due = Date.now() - statusRead >= EVERY_MS * 0.75; // not at every change of the view
	if (due) {
		read.status = await get("status");
		read.modules = await get("modules");
		statusRead = Date.now();
		remember(statusRead, read);
	}
	const now = statusRead;
	if (now - tlsRead > TLS_MS) {
		read.tls = await get("tls");
		tlsRead = now;
	}
	await more[wanted]?.();
	document.body.classList.remove("stale");
	if (view === wanted)
		draw[view](read, now);
	showHead(judge(read, now));
}

async function tick()
{
	clearTimeout(timer);
	if (busy || document.hidden)
		return;
	busy = true;
	const begun = Date.now(), wanted = view;
	try {
		await sample();
	} catch (error) {
		showTrouble(error);
	}
	busy = false;
	const wait = wanted === view ? Math.max(200, EVERY_MS - (Date.now() - begun)) : 0;
	timer = setTimeout(tick, wait);
}

// --- the head ---------------------------------------------------------------------------

const marks = { good: "M7 12.5l3.4 3.4L17 9", warn: "M12 6.5v7M12 17.3h.01", bad: "M8 8l8 8M16 8l-8 8",
	wait: "M7 12h.01M12 12h.01M17 12h.01" };

function showVerdict({ state, head, text })
{
	at("verdict").dataset.state = state;
	at("verdict-mark").setAttribute("d", marks[state]);
	setText(at("verdict-head"), head);
	setText(at("verdict-text"), text);
	document.title = state === "good" ? `popart ${read.status.hostname}` : `${head} – popart`;
}

function showHead(verdict)
{
	const status = read.status;
	setText(at("hostname"), status.hostname);
	setText(at("about"), `popart ${status.version} · process ${status.pid} · up for ${duration(status.uptime_s)}`);
	setCount("sessions", status.sessions);
	setCount("certificates", read.tls?.certificates.length);
	showVerdict(verdict);
}

function setCount(name, n)
{
	const tab = at("tab-" + name);
	let badge = tab.querySelector(".count");
	if (n === undefined)
		return;
	if (!badge) {
		badge = document.createElement("span");
		badge.className = "count";
		tab.append(badge);
	}
	setText(badge, number(n));
}

function showTrouble(error)
{
	document.body.classList.add("stale");
	if (!(error instanceof Unanswered))
		console.error(error);
	const why = error.message.replace(/[^.?!]$/, "$&.");
	showVerdict({ state: "bad", head: "The server does not answer", text:
		`${why[0].toUpperCase()}${why.slice(1)} Trying again.` });
}

// --- views and keys ---------------------------------------------------------------------

function show(name, focus)
{
	view = name;
	for (const other of views) {
		const tab = at("tab-" + other), chosen = other === name;
		tab.setAttribute("aria-selected", String(chosen));
		tab.tabIndex = chosen ? 0 : -1;
		at(other).hidden = !chosen;
	}
	const tab = at("tab-" + name);
	if (focus)
		tab.focus();
	tab.scrollIntoView({ block: "nearest", inline: "nearest" });
	history.replaceState(null, "", "#" + name);
	clearTimeout(timer);
	tick();
}

at("tabs").addEventListener("click", (event) => {
	const tab = event.target.closest("[role=tab]");
	if (tab)
		show(tab.getAttribute("aria-controls"));
});

at("tabs").addEventListener("keydown", (event) => {
	const here = views.indexOf(view), last = views.length - 1;
	const to = { ArrowRight: here === last ? 0 : here + 1, ArrowLeft: here === 0 ? last : here - 1,
		Home: 0, End: last }[event.key];
	if (to === undefined || event.altKey || event.ctrlKey || event.metaKey)
		return;
	event.preventDefault();
	show(views[to], true);
});

document.addEventListener("keydown", (event) => {
	if (event.key !== "/" || event.ctrlKey || event.altKey || event.metaKey ||
		/^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName))
		return;
	event.preventDefault();
	if (!filterOf(view))
		show("sessions");
	filterOf(view).focus();
});

document.addEventListener("visibilitychange", tick);
document.querySelector(".skip").addEventListener("click", (event) => {
	event.preventDefault();
	at("main").focus();
});
window.addEventListener("online", tick);
show(views.includes(location.hash.slice(1)) ? location.hash.slice(1) : "overview");
