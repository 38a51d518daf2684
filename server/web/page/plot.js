// SPDX-License-Identifier: MIT
// A line over the last minutes, drawn as SVG.

import { duration } from "./format.js";

const SVG = "http://www.w3.org/2000/svg";
const SPAN_MS = 300000; // as much of it as there is
const LEAST_MS = 60000;
const GAP_MS = 7000;   // no reading for longer: no line
const WIDTH = 300, HEIGHT = 100;

// What was read, at most SPAN_MS of it.
export class Series
{
	constructor()
	{
		this.points = [];
	}
	add(time, value)
	{
		this.points.push([time, value]);
		while (this.points[0][0] < time - SPAN_MS)
			this.points.shift();
	}
	age(now)
	{
		return this.points.length ? now - this.points[0][0] : 0;
	}
	last()
	{
		return this.points.length ? this.points[this.points.length - 1][1] : null;
	}
	max()
	{
		return this.points.reduce((max, [, value]) => value > max ? value : max, 0);
	}
	at(time)
	{
		let best = null;
		for (const point of this.points) {
			if (!best || Math.abs(point[0] - time) < Math.abs(best[0] - time))
				best = point;
		}
		return best && Math.abs(best[0] - time) < GAP_MS ? best : null;
	}
}

function svg(name, attributes)
{
	const element = document.createElementNS(SVG, name);
	for (const [key, value] of Object.entries(attributes))
		element.setAttribute(key, value);
	return element;
}

// The largest figure of the axis: 1, 2 or 5 and zeros.
function ceiling(max)
{
	if (!(max > 0))
		return 1;
	const power = 10 ** Math.floor(Math.log10(max));
	return [1, 2, 5, 10].find((n) => n * power >= max * 0.999) * power;
}

export class Plot
{
	// series: one or two, the second thin. format: of a value, for people.
	constructor(name, series, format, showTop = true)
	{
		this.name = name;
		this.series = series;
		this.format = format;
		this.height = HEIGHT - (showTop ? 22 : 6); // of the largest figure
		this.element = document.createElement("div");
		this.element.className = "plot";
		this.element.setAttribute("role", "img");
		this.svg = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none",
			"aria-hidden": "true" });
		this.area = svg("path", { class: "area" });
		this.traces = series.map((_, i) => svg("path", { class: i ? "trace second" : "trace" }));
		this.hair = svg("path", { class: "hair", d: "" });
		this.svg.append(this.area, ...this.traces.slice().reverse(), this.hair);
		this.top = document.createElement("span");
		this.top.className = "top";
		this.top.hidden = !showTop;
		this.said = document.createElement("span");
		this.said.className = "said";
		this.said.hidden = true;
		this.element.append(this.svg, this.top, this.said);
		this.element.addEventListener("pointermove", (event) => this.point(event));
		this.element.addEventListener("pointerleave", () => this.point(null));
	}

	y(value)
	{
		return HEIGHT - value / this.scale * this.height;
	}

	// Runs of neighbours, as path data; closed down to the ground for an area.
	path(series, closed)
	{
		let d = "", before = null;
		const ground = (x) => closed ? `L${x} ${HEIGHT}Z` : "";
		for (const [time, value] of series.points) {
			const x = (WIDTH + (time - this.now) / this.span * WIDTH).toFixed(1);
			if (value === null) {
				if (before)
					d += ground(before.x);
				before = null;
				continue;
			}
			const y = this.y(value).toFixed(1);
			if (before && time - before.time > GAP_MS) {
				d += ground(before.x);
				before = null;
			}
			if (before)
				d += `L${x} ${y}`;
			else
				d += closed ? `M${x} ${HEIGHT}L${x} ${y}` : `M${x} ${y}h.01`;
			before = { time, x };
		}
		return before ? d + ground(before.x) : d;
	}

	draw(now)
	{
		this.now = now;
		this.span = Math.min(SPAN_MS, Math.max(LEAST_MS, this.series[0].age(now)));
		this.scale = ceiling(Math.max(...this.series.map((series) => series.max())));
		this.area.setAttribute("d", this.path(this.series[0], true));
		this.traces.forEach((trace, i) => trace.setAttribute("d", this.path(this.series[i], false)));
		this.top.textContent = this.format(this.scale).replace(/\.0+(?=\D|$)/, "");
		this.element.setAttribute("aria-label", `${this.name}, ${duration(Math.round(this.span / 1000))}: now ` +
			`${this.format(this.series[0].last())}, at most ${this.format(this.series[0].max())}`);
	}

	point(event)
	{
		const box = this.element.getBoundingClientRect();
		const found = event && this.now && this.series[0].at(
			this.now - this.span * (1 - (event.clientX - box.left) / box.width));
		this.said.hidden = !found || found[1] === null;
		this.hair.setAttribute("d", "");
		if (this.said.hidden)
			return;
		const share = 1 + (found[0] - this.now) / this.span;
		const ago = Math.round((this.now - found[0]) / 1000);
		this.said.textContent = this.format(found[1]) + (ago < 2 ? ", now" : `, ${ago} s ago`);
		this.said.style.left = share > 0.5 ? "auto" : `calc(${share * 100}% + 6px)`;
		this.said.style.right = share > 0.5 ? `calc(${(1 - share) * 100}% + 6px)` : "auto";
		this.hair.setAttribute("d", `M${share * WIDTH} 0V${HEIGHT}`);
	}
}
