// SPDX-License-Identifier: MIT
// A table that is filled again and again: filtered, sorted, a page of it shown. Names and
// addresses come from the network, so everything is set as text.

import { number, plural } from "./format.js";

const PAGE = 50;

export function make(name, className, text)
{
	const element = document.createElement(name);
	if (className)
		element.className = className;
	if (text !== undefined)
		element.textContent = text;
	return element;
}

export function setText(element, text)
{
	if (element.textContent !== text)
		element.textContent = text;
}

// columns: { name, value(row), text(row), kind: "number", "code" ..., tone(row), element(row) }.
// value is what is sorted and, if it is text, filtered by.
export class Table
{
	constructor(parent, { caption, nouns, columns, filter, sort, empty })
	{
		this.columns = columns;
		this.empty = empty;
		this.nouns = nouns;
		this.rows = [];
		this.page = 0;
		this.wanted = "";
		this.sortBy = sort ? columns.findIndex((column) => column.name === sort) : -1;
		this.down = false;
		this.note = make("p", "note");
		this.note.hidden = true;
		if (filter)
			parent.append(this.tools(caption));
		parent.append(this.note, this.frame(caption, Boolean(filter)));
	}

	tools(caption)
	{
		const tools = make("div", "tools");
		this.input = make("input", "filter");
		this.input.type = "search";
		this.input.placeholder = "Filter";
		this.input.setAttribute("aria-label", "Filter: " + caption);
		this.input.autocomplete = "off";
		this.input.spellcheck = false;
		this.input.addEventListener("input", () => {
			this.wanted = this.input.value.trim().toLowerCase();
			this.page = 0;
			this.draw();
			this.onfilter?.(this.input.value.trim());
		});
		this.input.addEventListener("keydown", (event) => {
			if (event.key === "Escape" && this.input.value) {
				this.input.value = "";
				this.input.dispatchEvent(new Event("input"));
				event.preventDefault();
			}
		});
		this.shown = make("span", "shown");
		this.back = make("button", "", "Back");
		this.forth = make("button", "", "Next");
		for (const [button, step] of [[this.back, -1], [this.forth, 1]]) {
			button.type = "button";
			button.addEventListener("click", () => {
				this.page += step;
				this.draw();
			});
		}
		tools.append(this.input, this.shown, this.back, this.forth);
		return tools;
	}

	frame(caption, sortable)
	{
		const frame = make("div", "scroll"), table = make("table"), head = make("thead");
		const row = make("tr");
		// Said again, because what is laid out as cards is no table for a screen reader.
		table.className = sortable ? "sortable" : "";
		table.setAttribute("role", "table");
		table.setAttribute("aria-label", caption);
		row.setAttribute("role", "row");
		this.heads = this.columns.map((column, i) => {
			const cell = make("th", column.kind ?? "");
			cell.scope = "col";
			cell.setAttribute("role", "columnheader");
			if (sortable && column.value) {
				const button = make("button", "", column.name);
				button.type = "button";
				button.addEventListener("click", () => this.sort(i));
				cell.append(button);
			} else {
				cell.textContent = column.name;
			}
			row.append(cell);
			return cell;
		});
		head.append(row);
		this.body = make("tbody");
		this.body.setAttribute("role", "rowgroup");
		table.append(head, this.body);
		frame.append(table);
		this.mark();
		return frame;
	}

	mark()
	{
		this.heads.forEach((cell, i) => {
			if (i === this.sortBy)
				cell.setAttribute("aria-sort", this.down ? "descending" : "ascending");
			else
				cell.removeAttribute("aria-sort");
		});
	}

	sort(column)
	{
		this.down = this.sortBy === column ? !this.down : this.columns[column].kind === "number";
		this.sortBy = column;
		this.page = 0;
		this.mark();
		this.draw();
	}

	matches(row)
	{
		return this.columns.some((column) => {
			const text = column.value?.(row);
			return typeof text === "string" && text.toLowerCase().includes(this.wanted);
		});
	}

	chosen()
	{
		const rows = this.wanted ? this.rows.filter((row) => this.matches(row)) : this.rows.slice();
		if (this.sortBy < 0)
			return rows;
		const value = this.columns[this.sortBy].value, sign = this.down ? -1 : 1;
		const order = (a, b) => a === b ? 0 : a === null ? 1 : b === null ? -1 :
			typeof a === "string" ? sign * a.localeCompare(b) : sign * (a - b);
		return rows.sort((a, b) => order(value(a), value(b)));
	}

	fill(rows)
	{
		this.rows = rows;
		this.draw();
	}

	say(text)
	{
		this.note.hidden = !text;
		setText(this.note, text);
	}

	draw()
	{
		const rows = this.chosen();
		this.page = Math.max(0, Math.min(this.page, Math.ceil(rows.length / PAGE) - 1));
		const first = this.page * PAGE, part = rows.slice(first, first + PAGE);
		if (this.input) {
			setText(this.shown, rows.length > PAGE ?
				`${first + 1}–${first + part.length} of ${number(rows.length)}` : plural(rows.length, ...this.nouns));
			this.back.hidden = this.forth.hidden = rows.length <= PAGE;
			this.back.disabled = this.page === 0;
			this.forth.disabled = first + PAGE >= rows.length;
		}
		if (part.length === 0) {
			const row = make("tr"), cell = make("td", "nothing",
				this.wanted ? "Nothing matches." : this.empty);
			row.setAttribute("role", "row");
			cell.setAttribute("role", "cell");
			cell.colSpan = this.columns.length;
			row.append(cell);
			this.body.replaceChildren(row);
			return;
		}
		if (this.body.querySelector(".nothing"))
			this.body.replaceChildren();
		while (this.body.rows.length > part.length)
			this.body.lastChild.remove();
		part.forEach((row, i) => this.drawRow(this.body.rows[i] ?? this.addRow(), row));
	}

	addRow()
	{
		const row = make("tr");
		row.setAttribute("role", "row");
		for (const column of this.columns) {
			const cell = make("td");
			cell.setAttribute("role", "cell");
			cell.dataset.label = column.name;
			row.append(cell);
		}
		this.body.append(row);
		return row;
	}

	drawRow(line, row)
	{
		this.columns.forEach((column, i) => {
			const cell = line.cells[i], tone = column.tone?.(row);
			cell.className = (column.kind ?? "") + (tone ? " " + tone : "");
			if (column.element) {
				const element = column.element(row);
				if (cell.firstChild !== element)
					cell.replaceChildren(element);
			} else {
				setText(cell, column.text ? column.text(row) : String(column.value(row) ?? "–"));
			}
		});
	}
}
