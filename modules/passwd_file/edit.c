/* SPDX-License-Identifier: MIT */
#include "edit.h"
#include <stdlib.h>
#include <string.h>
#include "../secrets/secret.h"

static const char no_password[] =
	"the user has no password; set one first (popartctl user passwd)";

enum { USER, SECRET, UID, GID, GECOS, HOME, SHELL, EXTRA, FIELDS };

/* A line that is being made. */
struct fresh {
	char text[LINE_MAX_OCTETS + 1];
	size_t len;
	bool full;
};

static void put(struct fresh *f, struct popart_str s)
{
	if (s.len > LINE_MAX_OCTETS - f->len) {
		f->full = true;
		return;
	}
	if (s.len)
		memcpy(f->text + f->len, s.ptr, s.len);
	f->len += s.len;
}

/* --- fields ------------------------------------------------------------------------------ */

static void cut_fields(struct popart_str text, struct popart_str fields[FIELDS])
{
	for (int i = 0; i < EXTRA; i++)
		fields[i] = octets_cut(&text, ':');
	fields[EXTRA] = text;
}

static int field_of(struct popart_str key)
{
	if (octets_equal(key, LITERAL("uid")))
		return UID;
	if (octets_equal(key, LITERAL("gid")))
		return GID;
	return octets_equal(key, LITERAL("home")) ? HOME : EXTRA;
}

static bool has_any(struct popart_str s, const char *octets, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (s.len && memchr(s.ptr, octets[i], s.len))
			return true;
	}
	return false;
}

static const char *attr_flaw(const struct popart_attr *a)
{
	static const char in_words[] = " \t\r\n", in_fields[] = ":\r\n";

	if (!a->key.len || has_any(a->key, " \t\r\n=", 6) || octets_equal(a->key, EDIT_SCRAM))
		return "an attribute's name has no blank and no \"=\", and is not "
		       "scram";
	if (field_of(a->key) == EXTRA ? has_any(a->value, in_words, sizeof(in_words))
				      : has_any(a->value, in_fields, sizeof(in_fields)))
		return "an attribute's value has no blank, or, as uid, gid or home, no \":\"";
	return NULL;
}

/* The last of several counts. NULL: it is not among those that change. */
static const struct popart_attr *change_of(const struct edit *e, struct popart_str key)
{
	const struct popart_attr *found = NULL;

	if (!(e->change->what & POPART_ACCOUNT_ATTRS))
		return NULL;
	for (uint32_t i = 0; i < e->change->nattrs; i++) {
		if (octets_equal(e->change->attrs[i].key, key))
			found = &e->change->attrs[i];
	}
	return found;
}

static void set_fields(const struct edit *e, struct popart_str fields[FIELDS])
{
	static const struct popart_str keys[] = { LITERAL_INIT("uid"), LITERAL_INIT("gid"),
		LITERAL_INIT("home") };

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const struct popart_attr *a = change_of(e, keys[i]);
		if (a)
			fields[field_of(keys[i])] = a->value;
	}
}

/* --- the last field ---------------------------------------------------------------------- */

static void put_word(
	struct fresh *f, size_t begin, struct popart_str key, struct popart_str value)
{
	if (f->len > begin)
		put(f, LITERAL(" "));
	put(f, key);
	put(f, LITERAL("="));
	put(f, value);
}

static void put_extra(const struct edit *e, struct fresh *f, struct popart_str extra)
{
	struct popart_str key, value;
	size_t begin = f->len;

	while (line_next_extra(&extra, &key, &value)) {
		if (!change_of(e, key) && !(e->hash.len && octets_equal(key, EDIT_SCRAM)))
			put_word(f, begin, key, value);
	}
	for (uint32_t i = 0; i < e->change->nattrs; i++) {
		const struct popart_attr *a = &e->change->attrs[i];
		if (a == change_of(e, a->key) && a->value.len && field_of(a->key) == EXTRA)
			put_word(f, begin, a->key, a->value);
	}
	if (e->scram.len)
		put_word(f, begin, EDIT_SCRAM, e->scram);
}

/* --- the secret -------------------------------------------------------------------------- */

static bool is_locked(struct popart_str secret)
{
	return secret.len && (secret.ptr[0] == '!' || secret.ptr[0] == '*');
}

/* However it is written: "!", "*", "{CRYPT}!". */
static bool is_disabled(struct popart_str field)
{
	struct secret secret;
	const char *why;

	return is_locked(field) ||
		(field.len && secret_parse(field, &secret, &why) &&
			secret.scheme == SCHEME_LOCKED);
}

static struct popart_str without_lock(struct popart_str secret)
{
	while (is_locked(secret)) {
		secret.ptr++;
		secret.len--;
	}
	return secret;
}

/* A "!" before the hash keeps it for the day when the user is enabled again. */
static void put_secret(struct edit *e, struct fresh *f, struct popart_str old)
{
	struct popart_str secret = e->hash.len ? e->hash : without_lock(old);
	bool locked = is_disabled(old);

	if (e->change->what & POPART_ACCOUNT_ENABLED)
		locked = !e->change->enabled;
	if (locked)
		put(f, LITERAL("!"));
	else if (!secret.len)
		e->why = no_password;
	put(f, secret);
}

static const char *line_flaw(const struct fresh *f, const struct edit *e)
{
	struct popart_str text = { f->text, f->len };
	const char *why = NULL;
	struct secret secret = { .scheme = SCHEME_LOCKED };
	struct line line;

	if (f->full)
		return "the line would be longer than 4096 octets";
	if (has_any(e->user, ":\r\n", 4) || line_is_empty(text))
		return "a user's name in this file has no \":\" and does not begin with \"#\"";
	if (line_parse(text, &line, &why))
		(void)secret_parse(line.secret, &secret, &why);
	if (!why && (e->change->what & POPART_ACCOUNT_ENABLED) && e->change->enabled &&
		secret.scheme == SCHEME_LOCKED)
		why = no_password;
	return why;
}

static bool make_line(struct edit *e, struct popart_str old, struct fresh *f)
{
	struct popart_str fields[FIELDS];
	size_t used;

	for (uint32_t i = 0; i < e->change->nattrs && !e->why; i++)
		e->why = attr_flaw(&e->change->attrs[i]);
	cut_fields(old, fields);
	set_fields(e, fields);
	put(f, e->user);
	put(f, LITERAL(":"));
	put_secret(e, f, fields[SECRET]);
	used = f->len;
	for (int i = UID; i < EXTRA; i++) {
		put(f, LITERAL(":"));
		put(f, fields[i]);
		used = fields[i].len ? f->len : used;
	}
	put(f, LITERAL(":"));
	size_t begin = f->len;
	put_extra(e, f, fields[EXTRA]);
	if (f->len == begin)
		f->len = used;
	if (!e->why)
		e->why = line_flaw(f, e);
	return !e->why;
}

/* --- the text ---------------------------------------------------------------------------- */

/* Whether the line, without its end, is about the user, and counts. */
static bool is_users(const struct edit *e, struct popart_str text, bool *counts)
{
	struct popart_str rest = text;
	struct secret secret;
	const char *why;
	struct line line;

	if (line_is_empty(text) || !octets_equal(octets_cut(&rest, ':'), e->user))
		return false;
	*counts = line_parse(text, &line, &why) && secret_parse(line.secret, &secret, &why);
	return true;
}

struct making {
	char *out;
	size_t len;
	bool found; /* a line that counts */
};

static void copy(struct making *m, struct popart_str s)
{
	if (s.len)
		memcpy(m->out + m->len, s.ptr, s.len);
	m->len += s.len;
}

static int take_line(struct edit *e, struct making *m, struct popart_str whole)
{
	struct popart_str text = whole;
	struct fresh f = { .len = 0 };
	bool counts = false;

	while (text.len && (text.ptr[text.len - 1] == '\n' || text.ptr[text.len - 1] == '\r'))
		text.len--;
	if (!is_users(e, text, &counts)) {
		copy(m, whole);
		return POPART_OK;
	}
	if (e->what == EDIT_REMOVE) {
		m->found = true;
		return POPART_OK; /* a second one must not come into force */
	}
	if (e->what == EDIT_ADD) {
		e->why = counts ? "there is such a user already"
				: "a line that is left out, since it is broken, has that name";
		return POPART_R_PERM;
	}
	if (!counts || m->found) {
		copy(m, whole);
		return POPART_OK;
	}
	m->found = true;
	if (!make_line(e, text, &f))
		return POPART_R_PERM;
	copy(m, (struct popart_str){ f.text, f.len });
	copy(m, (struct popart_str){ whole.ptr + text.len, whole.len - text.len });
	explicit_bzero(&f, sizeof(f));
	return POPART_OK;
}

static int add_line(struct edit *e, struct making *m)
{
	struct fresh f = { .len = 0 };

	if (!make_line(e, (struct popart_str){ "", 0 }, &f))
		return POPART_R_PERM;
	if (m->len && m->out[m->len - 1] != '\n')
		copy(m, LITERAL("\n"));
	copy(m, (struct popart_str){ f.text, f.len });
	copy(m, LITERAL("\n"));
	explicit_bzero(&f, sizeof(f));
	return POPART_OK;
}

int edit_text(struct edit *e, struct popart_str text, char **out, size_t *len)
{
	/* One line grows, or comes behind. */
	size_t cap = text.len + LINE_MAX_OCTETS + 3;
	struct making m = { .out = malloc(cap) };
	int status = POPART_OK;

	if (!m.out)
		return POPART_E_NOMEM;
	while (text.len && status == POPART_OK) {
		const char *end = memchr(text.ptr, '\n', text.len);
		size_t n = end ? (size_t)(end - text.ptr) + 1 : text.len;

		status = take_line(e, &m, (struct popart_str){ text.ptr, n });
		text.ptr += n;
		text.len -= n;
	}
	if (status == POPART_OK && e->what == EDIT_ADD)
		status = add_line(e, &m);
	else if (status == POPART_OK && !m.found)
		status = POPART_R_NEXT;
	if (status == POPART_OK) {
		*out = m.out;
		*len = m.len;
		return status;
	}
	explicit_bzero(m.out, m.len);
	free(m.out);
	return status;
}
