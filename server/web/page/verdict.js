// SPDX-License-Identifier: MIT
// Whether all is well, in a word and a sentence.

import { duration, number, plural } from "./format.js";

const SOON_S = 14 * 86400;
const RECENT_MS = 3600000;

function certificateName(certificate)
{
	return certificate.names[0] ?? certificate.subject;
}

export function expiryTone(certificate)
{
	return certificate.expires_s <= 0 ? "bad" : certificate.expires_s < SOON_S ? "warn" : "";
}

function ofCertificates(tls)
{
	return (tls?.certificates ?? []).filter(expiryTone).map((certificate) => ({
		state: expiryTone(certificate),
		head: certificate.expires_s <= 0 ? "A certificate has expired" : "A certificate expires soon",
		text: certificate.expires_s <= 0 ? `That of ${certificateName(certificate)}.` :
			`That of ${certificateName(certificate)}, in ${duration(certificate.expires_s)}.`,
	}));
}

const servingOf = (status) => status.generations.filter((generation) => generation.phase === "serving");

function workersUp(status)
{
	return servingOf(status).reduce((n, generation) => n + generation.workers_up, 0);
}

function ofWorkers(status)
{
	const up = workersUp(status);
	const wanted = servingOf(status).reduce((n, generation) => n + generation.workers, 0);
	if (status.stopping)
		return [{ state: "warn", head: "The server is stopping", text:
			`${plural(status.sessions, "session is", "sessions are")} left to finish.` }];
	if (up === 0)
		return [{ state: "bad", head: "No connections are taken", text:
			"No worker serves. The log of popartd says why." }];
	if (up < wanted)
		return [{ state: "bad", head: `${plural(wanted - up, "worker is", "workers are")} missing`,
			text: `${up} of ${wanted} serve; what is missing is being started.` }];
	return [];
}

function ofRates(status)
{
	const found = [], rate = status.rates[0], s = rate.measured_s;
	const count = (perSecond) => Math.round(perSecond * s);
	if (count(rate.refused_per_s) > 0)
		found.push({ state: "warn", head: "Connections are refused", text:
			`${number(count(rate.refused_per_s))} in the last minute.` });
	if (count(rate.module_failures_per_s) > 0)
		found.push({ state: "warn", head: "A module fails", text: `${plural(
			count(rate.module_failures_per_s), "call", "calls")} in the last minute; see Modules.` });
	else if (count(rate.login_errors_per_s) > 0)
		found.push({ state: "warn", head: "Logins fail", text: `${plural(
			count(rate.login_errors_per_s), "login", "logins")} in the last minute, not for the password.` });
	if (status.quarantined > 0)
		found.push({ state: "warn", head: "Users are refused", text: `Workers died of ${plural(
			status.quarantined, "user", "users")}; popartctl quarantine says whom.` });
	if (status.sessions_max > 0 && status.sessions >= 0.9 * status.sessions_max)
		found.push({ state: "warn", head: "Nearly full", text:
			`${number(status.sessions)} of ${number(status.sessions_max)} connections.` });
	return found;
}

function ofCrashes(modules, now)
{
	const recent = (modules?.crashes ?? []).filter((crash) => now - Date.parse(crash.at) < RECENT_MS);
	return recent.length ? [{ state: "warn", head: "A worker has died", text:
		`${plural(recent.length, "time", "times")} within an hour, last of: ${recent[0].reason}.` }] : [];
}

// The gravest first, of what all sources tell.
export function judge({ status, modules, tls }, now)
{
	const found = [...ofWorkers(status), ...ofCertificates(tls), ...ofCrashes(modules, now),
		...ofRates(status)];
	found.sort((a, b) => (a.state === "bad" ? 0 : 1) - (b.state === "bad" ? 0 : 1));
	if (!found.length)
		return { state: "good", head: "All is well", text:
			`${plural(status.sessions, "session", "sessions")} in ${plural(workersUp(status), "worker", "workers")}.` };
	const others = found.slice(1).map((problem) => problem.head.toLowerCase());
	return { ...found[0], text: found[0].text + (others.length ? ` Also: ${others.join(", ")}.` : "") };
}
