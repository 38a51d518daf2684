/* SPDX-License-Identifier: MIT */
#include "line.h"
#include <string.h>

/* Dovecot keeps a user out, or lets him in, because of these. Whoever brings such a file
 * must not find that they have silently lost their meaning. */
static const struct {
	struct popart_str key;
	const char *why;
} refused[] = {
	{ LITERAL_INIT("allow_nets"), "allow_nets is not supported" },
	{ LITERAL_INIT("allow_real_nets"), "allow_real_nets is not supported" },
	{ LITERAL_INIT("nologin"), "nologin is not supported; begin the secret with \"!\"" },
	{ LITERAL_INIT("nopassword"), "nopassword is not supported" },
	{ LITERAL_INIT("proxy"), "proxy is not supported" },
	{ LITERAL_INIT("proxy_maybe"), "proxy_maybe is not supported" },
};

static const char *refused_key(struct popart_str key)
{
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		if (octets_equal(key, refused[i].key))
			return refused[i].why;
	}
	return NULL;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

bool line_is_empty(struct popart_str text)
{
	size_t i = 0;

	if (text.len && text.ptr[0] == '#')
		return true;
	while (i < text.len && is_blank(text.ptr[i]))
		i++;
	return i == text.len;
}

bool line_next_extra(struct popart_str *extra, struct popart_str *key, struct popart_str *value)
{
	struct popart_str word = *extra;

	while (word.len && is_blank(word.ptr[0])) {
		word.ptr++;
		word.len--;
	}
	*extra = word;
	word.len = 0;
	while (word.len < extra->len && !is_blank(extra->ptr[word.len]))
		word.len++;
	extra->ptr += word.len;
	extra->len -= word.len;
	*value = word;
	*key = octets_cut(value, '=');
	return word.len > 0;
}

static const char *check_extra(struct popart_str extra)
{
	struct popart_str key, value;
	unsigned n = 0;

	while (line_next_extra(&extra, &key, &value)) {
		const char *why = refused_key(key);
		if (why)
			return why;
		if (!key.len || key.ptr + key.len == value.ptr)
			return "the last field has a word that is not of the form key=value";
		if (++n > LINE_MAX_EXTRAS)
			return "more than 32 words in the last field";
	}
	return NULL;
}

bool line_parse(struct popart_str text, struct line *l, const char **why)
{
	struct popart_str rest = text;

	*why = NULL;
	l->user = octets_cut(&rest, ':');
	bool has_secret = l->user.len < text.len;
	l->secret = octets_cut(&rest, ':');
	l->uid = octets_cut(&rest, ':');
	l->gid = octets_cut(&rest, ':');
	(void)octets_cut(&rest, ':');
	l->home = octets_cut(&rest, ':');
	(void)octets_cut(&rest, ':');
	l->extra = rest;

	if (text.len > LINE_MAX_OCTETS)
		*why = "longer than 4096 octets";
	else if (memchr(text.ptr, '\0', text.len))
		*why = "there is a NUL in it";
	else if (!has_secret)
		*why = "there is no \":\" behind the user's name";
	else if (!l->user.len)
		*why = "the user's name is empty";
	else if (!l->secret.len)
		*why = "the secret is empty";
	else
		*why = check_extra(l->extra);
	return !*why;
}
