/* SPDX-License-Identifier: MIT */
#include "worker/where.h"
#include <link.h>
#include <stdlib.h>

#define NAME_MAX_OCTETS 48u
#define BUILD_ID_MAX    32u
#define OBJECTS_MAX     1024u

struct object {
	uintptr_t base, low, high; /* low .. high: what is loaded, holes and all */
	uint32_t build_id_len;
	bool module;
	unsigned char build_id[BUILD_ID_MAX];
	char name[NAME_MAX_OCTETS]; /* of the file, without directories */
};

struct where {
	unsigned long long adds, subs; /* the dynamic linker's, so far */
	bool (*is_module)(const void *ctx, const char *path);
	const void *ctx;
	size_t n, room;
	bool failed;
	struct object *objects;
};

/* --- the table --------------------------------------------------------------------------- */

static size_t padded(uint64_t n, size_t align)
{
	return (size_t)((n + align - 1) / align * align);
}

static void take_note(struct object *o, const char *at, size_t left, size_t align)
{
	while (left >= sizeof(ElfW(Nhdr))) {
		const ElfW(Nhdr) *head = (const void *)at;
		size_t name = padded(head->n_namesz, 4), value = padded(head->n_descsz, align);
		const char *id = at + sizeof(*head) + name;

		if (name > left - sizeof(*head) || value > left - sizeof(*head) - name)
			return;
		if (head->n_type == NT_GNU_BUILD_ID && head->n_namesz == 4 &&
			memcmp(at + sizeof(*head), "GNU", 4) == 0) {
			o->build_id_len =
				head->n_descsz < BUILD_ID_MAX ? head->n_descsz : BUILD_ID_MAX;
			memcpy(o->build_id, id, o->build_id_len);
			return;
		}
		at = id + value;
		left -= sizeof(*head) + name + value;
	}
}

static void take_segments(struct object *o, const struct dl_phdr_info *info)
{
	o->base = info->dlpi_addr;
	o->low = UINTPTR_MAX;
	for (size_t i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];
		uintptr_t at = info->dlpi_addr + p->p_vaddr;

		if (p->p_type == PT_NOTE && o->build_id_len == 0)
			take_note(o, (const char *)at, p->p_memsz, p->p_align == 8 ? 8 : 4);
		if (p->p_type != PT_LOAD)
			continue;
		o->low = at < o->low ? at : o->low;
		o->high = at + p->p_memsz > o->high ? at + p->p_memsz : o->high;
	}
}

static bool make_room(struct where *w)
{
	size_t room = w->room ? w->room * 2 : 64;
	struct object *more;

	if (w->n < w->room)
		return true;
	more = room <= OBJECTS_MAX ? reallocarray(w->objects, room, sizeof(*more)) : NULL;
	if (!more)
		return false;
	w->objects = more;
	w->room = room;
	return true;
}

static int take_object(struct dl_phdr_info *info, size_t size UNUSED, void *ctx)
{
	struct where *w = ctx;
	const char *path = info->dlpi_name ? info->dlpi_name : "";
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	struct object *o;
	size_t len;

	w->adds = info->dlpi_adds;
	w->subs = info->dlpi_subs;
	if (!make_room(w)) {
		w->failed = true;
		return 1;
	}
	o = &w->objects[w->n++];
	*o = (struct object){ .module = w->is_module(w->ctx, path) };
	if (*name == '\0')
		name = "popartd"; /* the program itself has no name here */
	len = strnlen(name, sizeof(o->name) - 1);
	memcpy(o->name, name, len);
	take_segments(o, info);
	return 0;
}

struct where *where_new(bool (*is_module)(const void *ctx, const char *path), const void *ctx)
{
	struct where *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->is_module = is_module;
	w->ctx = ctx;
	(void)dl_iterate_phdr(take_object, w);
	if (w->failed)
		where_free(&w);
	return w;
}

void where_free(struct where **wp)
{
	if (!*wp)
		return;
	free((*wp)->objects);
	free(*wp);
	*wp = NULL;
}

static int look_at_first(struct dl_phdr_info *info, size_t size UNUSED, void *ctx)
{
	struct where *now = ctx;

	now->adds = info->dlpi_adds;
	now->subs = info->dlpi_subs;
	return 1;
}

bool where_is_old(const struct where *w)
{
	struct where now = { .adds = 0 };

	(void)dl_iterate_phdr(look_at_first, &now);
	return now.adds != w->adds || now.subs != w->subs;
}

/* --- looking and writing: in signal handlers, too ----------------------------------------- */

static const struct object *find(const struct where *w, uintptr_t address)
{
	for (size_t i = 0; i < w->n; i++)
		if (address >= w->objects[i].low && address < w->objects[i].high)
			return &w->objects[i];
	return NULL;
}

struct text {
	char *room;
	size_t at, size;
};

static void add_char(struct text *t, char c)
{
	if (t->at + 1 < t->size)
		t->room[t->at++] = c;
}

static void add(struct text *t, const char *s)
{
	while (*s)
		add_char(t, *s++);
}

static const char digits[] = "0123456789abcdef";

static void add_hex(struct text *t, uintptr_t n)
{
	unsigned shift = 0;

	while (shift + 4 < sizeof(n) * 8 && n >> (shift + 4) != 0)
		shift += 4;
	add(t, "0x");
	for (;; shift -= 4) {
		add_char(t, digits[n >> shift & 15]);
		if (shift == 0)
			return;
	}
}

static void add_place(struct text *t, const struct object *o, uintptr_t address)
{
	if (!o) {
		add_hex(t, address);
		return;
	}
	add(t, o->name);
	add(t, "+");
	add_hex(t, address - o->base);
	add(t, o->build_id_len > 0 ? " (build-id " : " (no build-id");
	for (uint32_t i = 0; i < o->build_id_len; i++) {
		add_char(t, digits[o->build_id[i] >> 4]);
		add_char(t, digits[o->build_id[i] & 15]);
	}
	add(t, ")");
}

/* A call that returns to an address is before it; the last instruction of a function that
 * does not return is another function's neighbour. */
static uintptr_t code_of(const uintptr_t *frames, size_t i)
{
	return i > 0 && frames[i] > 0 ? frames[i] - 1 : frames[i];
}

void where_write(const struct where *w, const uintptr_t *frames, size_t n,
	const uintptr_t *touched, char *room, size_t size)
{
	struct text t = { .room = room, .size = size };
	size_t i = 0;

	while (i < n) {
		const struct object *o = find(w, code_of(frames, i));
		if (o && o->module)
			break;
		i++;
	}
	if (i < n)
		add_place(&t, find(w, code_of(frames, i)), code_of(frames, i));
	if (i < n && i > 0)
		add(&t, ", in ");
	if (n > 0 && i > 0)
		add_place(&t, find(w, frames[0]), frames[0]);
	if (touched) {
		add(&t, ", address ");
		add_hex(&t, *touched);
	}
	room[t.at] = '\0';
}
