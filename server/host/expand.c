/* SPDX-License-Identifier: MIT */
#include "host/instance.h"
#include <limits.h>

/*
 * Path templates: %u the whole name, %n before the @, %d after it, %h the home that the
 * auth module gave, %{attribute}, %% a percent sign. Values come from clients, so what
 * could leave its place in the path is refused.
 */

static bool view_has_control(struct popart_str v)
{
	for (size_t i = 0; i < v.len; i++) {
		if ((unsigned char)v.ptr[i] < 0x20 || v.ptr[i] == 0x7f)
			return true;
	}
	return false;
}

/* Cuts the sequence behind a % off *rest: "u", "h" or "{key}"; empty: it means nothing. */
static struct popart_str cut_sequence(struct popart_str *rest)
{
	struct popart_str seq = view_of(rest->ptr, 0);

	if (rest->len && memchr("undh%", rest->ptr[0], strlen("undh%"))) {
		seq.len = 1;
	} else if (rest->len && rest->ptr[0] == '{') {
		const char *end = memchr(rest->ptr, '}', rest->len);
		if (end && end > rest->ptr + 1)
			seq.len = (size_t)(end + 1 - rest->ptr);
	}
	rest->ptr += seq.len;
	rest->len -= seq.len;
	return seq;
}

bool expand_check(struct popart_str template, struct popart_str *bad)
{
	while (template.len) {
		const char *percent = memchr(template.ptr, '%', template.len);
		if (!percent)
			return true;
		template.len -= (size_t)(percent + 1 - template.ptr);
		template.ptr = percent + 1;
		if (!cut_sequence(&template).len) {
			*bad = view_of(percent, template.len ? 2 : 1);
			return false;
		}
	}
	return true;
}

static struct popart_str find_attr(const struct popart_user *user, struct popart_str key)
{
	for (uint32_t i = 0; i < user->nattrs; i++) {
		if (view_eq(user->attrs[i].key, key))
			return user->attrs[i].value;
	}
	return VIEW_NONE;
}

/* At the last @: the part before it may hold one of its own. */
static struct popart_str name_part(struct popart_str name, bool domain)
{
	const char *at = name.len ? memrchr(name.ptr, '@', name.len) : NULL;

	if (!at)
		return domain ? VIEW_NONE : name;
	if (domain)
		return view_of(at + 1, name.len - (size_t)(at + 1 - name.ptr));
	return view_of(name.ptr, (size_t)(at - name.ptr));
}

static struct popart_str value_of(const struct popart_user *user, struct popart_str seq)
{
	switch (seq.ptr[0]) {
	case 'u':
		return user->name;
	case 'n':
		return name_part(user->name, false);
	case 'd':
		return name_part(user->name, true);
	case 'h':
		return find_attr(user, VIEW_LIT("home"));
	default:
		return find_attr(user, view_of(seq.ptr + 1, seq.len - 2));
	}
}

static bool has_dot_dot(struct popart_str path)
{
	while (path.ptr) {
		if (view_eq(view_cut(&path, '/'), VIEW_LIT("..")))
			return true;
	}
	return false;
}

/* NULL: it may go into a path. */
static const char *unfit_reason(struct popart_str value, bool is_home)
{
	if (!value.len)
		return "is empty";
	if (view_has_control(value)) /* NUL is one */
		return "holds a control character";
	if (is_home) {
		if (value.ptr[0] != '/')
			return "is no absolute path";
		return has_dot_dot(value) ? "holds \"..\"" : NULL;
	}
	if (view_has(value, '/'))
		return "holds a \"/\"";
	return value.ptr[0] == '.' ? "begins with a dot" : NULL;
}

static int add_value(struct popart_instance *inst, const struct popart_call *call,
	const char *option, struct buf *out, const struct popart_user *user,
	struct popart_str seq)
{
	bool is_home = view_eq(seq, VIEW_LIT("h")) || view_eq(seq, VIEW_LIT("{home}"));
	struct popart_str value = value_of(user, seq);
	bool from_name = view_has(VIEW_LIT("und"), seq.ptr[0]);
	const char *unfit = unfit_reason(value, is_home);

	/* The client chose the name; an attribute is what we were told by our own side. */
	if (unfit)
		return inst->host->table.fail(inst, call,
			from_name ? POPART_R_DENIED : POPART_R_PERM, NULL, 0,
			"%s: the value of %%%.*s %s", option, VIEW_FMT(seq), unfit);
	buf_add(out, value);
	return POPART_OK;
}

static int expand(struct popart_instance *inst, const struct popart_call *call,
	const char *option, struct popart_str template, const struct popart_user *user,
	struct buf *out)
{
	int status = POPART_OK;

	while (template.len && !status) {
		const char *percent = memchr(template.ptr, '%', template.len);
		size_t plain = percent ? (size_t)(percent - template.ptr) : template.len;

		buf_add(out, view_of(template.ptr, plain));
		if (!percent)
			break;
		template.ptr += plain + 1;
		template.len -= plain + 1;
		struct popart_str seq = cut_sequence(&template);
		if (!seq.len) /* expand_check has let none pass */
			status = inst->host->table.fail(inst, call, POPART_E_BUG, NULL, 0,
				"%s: a %% that means nothing", option);
		else if (seq.ptr[0] == '%')
			buf_add_char(out, '%');
		else
			status = add_value(inst, call, option, out, user, seq);
	}
	if (!status && out->failed)
		status = inst->host->table.fail(inst, call, POPART_R_DENIED, NULL, 0,
			"%s: longer than a path may be", option);
	return status;
}

int expand_option(struct popart_instance *inst, const struct popart_call *call,
	const struct popart_conf *conf, const char *name, const struct popart_user *user,
	struct popart_str *out)
{
	struct buf text;
	int status;

	*out = VIEW_NONE;
	buf_init(&text, PATH_MAX - 1);
	status = expand(inst, call, name, conf_str(conf, name), user, &text);
	if (!status) {
		char *copy = inst->host->table.scratch(call, text.len + 1);
		if (copy) {
			if (text.len)
				memcpy(copy, text.ptr, text.len);
			*out = view_of(copy, text.len);
		} else {
			status = POPART_E_NOMEM;
		}
	}
	buf_free(&text);
	return status;
}
