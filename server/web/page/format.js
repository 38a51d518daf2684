// SPDX-License-Identifier: MIT
// Amounts, for people. Everything takes null for "not known".

const none = "–";

export function number(n)
{
	if (n === null || n === undefined || Number.isNaN(n))
		return none;
	if (Number.isInteger(n) || n >= 100)
		return Math.round(n).toLocaleString("en").replaceAll(",", "\u202f");
	return n >= 10 ? n.toFixed(1) : n.toFixed(n >= 1 || n === 0 ? 1 : 2);
}

function scaled(n, units, step)
{
	let i = 0;
	while (n >= step && i < units.length - 1) {
		n /= step;
		i++;
	}
	const digits = n >= 100 || (i === 0 && Number.isInteger(n)) ? 0 : n >= 10 ? 1 : 2;
	return [n.toFixed(digits), units[i]];
}

// As [figure, unit].
export function octetsParts(n)
{
	return n === null || n === undefined ? [none, ""] : scaled(n, ["B", "kB", "MB", "GB", "TB", "PB"], 1000);
}

export function octets(n)
{
	return octetsParts(n).join(" ").trim();
}

export function latencyParts(s)
{
	return s === null || s === undefined ? [none, ""] : s >= 1 ? scaled(s, ["s"], 1e9) :
		scaled(s * 1e6, ["µs", "ms"], 1000);
}

export function latency(s)
{
	return latencyParts(s).join(" ").trim();
}

export function duration(s)
{
	if (s === null || s === undefined)
		return none;
	const units = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];
	let i = units.findIndex(([, size]) => s >= size);
	if (i < 0)
		return "0 s";
	const [unit, size] = units[i];
	let text = Math.floor(s / size) + " " + unit;
	const rest = s % size;
	if (i < 2 && Math.floor(rest / units[i + 1][1]) > 0)
		text += " " + Math.floor(rest / units[i + 1][1]) + " " + units[i + 1][0];
	return text;
}

export function plural(n, one, many)
{
	return number(n) + " " + (n === 1 ? one : many);
}
