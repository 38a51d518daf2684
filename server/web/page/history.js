// SPDX-License-Identifier: MIT
// What the readings come to over time: rates from totals, latencies from histograms.

import { Series } from "./plot.js";

const WINDOW_MS = 60000;
const STEADY_MS = 5000; // what a rate is taken over, so that it does not flicker

const difference = (after, before, names) =>
	names.reduce((sum, name) => sum + after[name] - before[name], 0);

// Totals only grow; where they are smaller, another server has taken the place.
export class Rates
{
	constructor(named)
	{
		this.named = named; // { name of a series: names of totals }
		this.series = Object.fromEntries(Object.keys(named).map((name) => [name, new Series()]));
		this.readings = [];
	}
	add(time, totals)
	{
		while (this.readings.length > 1 && this.readings[1].time <= time - STEADY_MS)
			this.readings.shift();
		const before = this.readings[0], seconds = before && (time - before.time) / 1000;
		const broken = before && (seconds > 60 || totals.connections < before.totals.connections);
		for (const [name, parts] of Object.entries(this.named)) {
			this.series[name].add(time, !before || broken || seconds <= 0 ? null :
				difference(totals, before.totals, parts) / seconds);
		}
		if (broken)
			this.readings = [];
		this.readings.push({ time, totals });
	}
}

// The time within which a share of the calls came back: between two bounds it is guessed in
// proportion. buckets: [upper bound or null, calls that took at most so long].
export function quantile(buckets, share)
{
	const all = buckets.length ? buckets[buckets.length - 1][1] : 0;
	if (all <= 0)
		return null;
	let low = 0, below = 0;
	for (const [bound, count] of buckets) {
		if (count >= share * all) {
			if (bound === null)
				return low;
			return count === below ? bound : low + (bound - low) * (share * all - below) / (count - below);
		}
		low = bound ?? low;
		below = count;
	}
	return low;
}

// One operation of a module: what its histogram says of the last minute.
class Operation
{
	constructor(key)
	{
		this.key = key;
		this.readings = [];
		this.median = new Series();
		this.high = new Series();
	}
	add(time, operation)
	{
		const now = { time, calls: operation.calls, failures: operation.failures,
			time_s: operation.time_s, counts: operation.histogram.map((bucket) => bucket.count) };
		const last = this.readings[this.readings.length - 1];
		if (last && (last.calls > now.calls || last.counts.length !== now.counts.length))
			this.readings = [];
		this.readings.push(now);
		while (this.readings.length > 2 && this.readings[1].time <= time - WINDOW_MS)
			this.readings.shift();
		const first = this.readings[0], seconds = (time - first.time) / 1000;
		const buckets = operation.histogram.map((bucket, i) =>
			[bucket.le_s, bucket.count - first.counts[i]]);
		this.total = operation;
		this.least = operation.histogram[0]?.le_s ?? 0; // nothing is told apart below
		this.calls = now.calls - first.calls;
		this.failures = now.failures - first.failures;
		this.perSecond = seconds > 0 ? this.calls / seconds : null;
		this.p50 = quantile(buckets, 0.5);
		this.p95 = quantile(buckets, 0.95);
		this.p99 = quantile(buckets, 0.99);
		this.median.add(time, this.p50);
		this.high.add(time, this.p95);
	}
}

export class Operations
{
	constructor()
	{
		this.known = new Map();
	}
	add(time, modules)
	{
		const seen = new Map();
		for (const module of modules) {
			for (const operation of module.operations) {
				const key = module.list + " " + module.name + "." + operation.operation;
				const entry = this.known.get(key) ?? new Operation(key);
				entry.name = module.name + "." + operation.operation;
				entry.module = module;
				entry.add(time, operation);
				seen.set(key, entry);
			}
		}
		this.known = seen;
	}
	all()
	{
		return [...this.known.values()];
	}
	// Where the time goes that logins and downloads wait for.
	slowest()
	{
		return this.all().reduce((slow, entry) =>
			entry.p95 !== null && (!slow || entry.p95 > slow.p95) ? entry : slow, null);
	}
}
