/* SPDX-License-Identifier: MIT */
#include "bin/quick.h"
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/text.h"
#include "conf/address.h"
#include "conf/conf.h"

#define TEXT_MAX 65536u

/* One element of the list. option: which one where is from. */
static bool add_listener(const struct options *o, const char *option, const char *where,
	bool tls, struct buf *text, struct buf *why)
{
	struct sockaddr_storage addr;
	socklen_t len;

	if (!address_parse(view_str(where), &addr, &len)) {
		buf_printf(why, "%s ", option);
		text_quote(why, view_str(where), 64);
		buf_add_str(why,
			" is no address and port in numbers; write it like "
			"127.0.0.1:1100 or [::1]:1100");
		return false;
	}
	bool loopback = address_is_loopback(&addr);
	if (!loopback && !o->user) {
		buf_printf(why,
			"%s %s is open to other machines, and without --user anybody could "
			"read the mail; add --user NAME:PASSWORD, or listen on 127.0.0.1",
			option, where);
		return false;
	}
	buf_add_str(text, "{ address = ");
	conf_add_string(text, view_str(where));
	if (tls)
		buf_add_str(text, "; tls = true");
	else if (!loopback)
		buf_add_str(text, "; plaintext_auth = true");
	buf_add_str(text, "; }");
	return true;
}

static void add_certificate(const struct options *o, struct buf *text)
{
	buf_add_str(text, "tls = { certificate = ");
	conf_add_string(text, view_str(o->certificate));
	if (o->key) {
		buf_add_str(text, "; key = ");
		conf_add_string(text, view_str(o->key));
	}
	buf_add_str(text, "; };\n");
}

/* Who asks for TLS alone gets no port without it. */
static bool add_listen(const struct options *o, struct buf *text, struct buf *why)
{
	const char *plain = o->listen ? o->listen : o->tls_listen ? NULL : QUICK_LISTEN;

	buf_add_str(text, "listen = ( ");
	if (plain && !add_listener(o, "--listen", plain, false, text, why))
		return false;
	if (plain && o->tls_listen)
		buf_add_str(text, ", ");
	if (o->tls_listen && !add_listener(o, "--tls-listen", o->tls_listen, true, text, why))
		return false;
	buf_add_str(text, " );\n");
	if (o->tls_listen)
		add_certificate(o, text);
	return true;
}

static bool add_auth(const struct options *o, struct buf *text, struct buf *why)
{
	struct popart_str password = view_str(o->user);
	struct popart_str name = view_cut(&password, ':');

	buf_add_str(text, "auth = ( { module = \"static\"; ");
	if (!o->user) {
		buf_add_str(text, "any = true; } );\n");
		return true;
	}
	if (name.len == 0 || password.len == 0) {
		buf_add_str(why, "--user needs a name and a password: --user NAME:PASSWORD");
		return false;
	}
	buf_add_str(text, "user = ");
	conf_add_string(text, name);
	buf_add_str(text, "; password = ");
	conf_add_string(text, password);
	buf_add_str(text, "; } );\n");
	return true;
}

/* The option is a template, in which % begins something. */
static void add_template(struct buf *text, struct popart_str path)
{
	struct buf plain;

	buf_init(&plain, TEXT_MAX);
	for (size_t i = 0; i < path.len; i++) {
		if (path.ptr[i] == '%')
			buf_add_char(&plain, '%');
		buf_add_char(&plain, path.ptr[i]);
	}
	conf_add_string(text, buf_view(&plain));
	text->failed = text->failed || plain.failed;
	buf_free(&plain);
}

bool quick_write(const struct options *o, const struct quick_dir *dir, uint32_t self,
	struct buf *text, struct buf *why)
{
	if (!add_listen(o, text, why) || !add_auth(o, text, why))
		return false;
	buf_add_str(text, "storage = ( { module = \"maildir\"; path = ");
	add_template(text, dir->path);
	buf_printf(text, "; layout = \"auto\"; read_only = %s; } );\n",
		o->delete ? "false" : "true");
	if (self == 0) { /* who owns the mail may read it; nobody needs more */
		buf_printf(text, "user = \"#%u\";\nrun_dir = \"/run/popart-%u\";\n", dir->uid,
			dir->uid);
	}
	if (text->failed)
		buf_add_str(why, "out of memory");
	return !text->failed;
}

bool quick_config(const struct options *o, struct buf *text, struct buf *why)
{
	char *path = realpath(o->maildir, NULL);
	struct stat st = { .st_mode = S_IFDIR };
	bool ok = path && stat(path, &st) == 0 && S_ISDIR(st.st_mode) &&
		eaccess(path, R_OK | X_OK) == 0;

	if (ok)
		ok = quick_write(o,
			&(struct quick_dir){ .path = view_str(path), .uid = st.st_uid },
			geteuid(), text, why);
	else
		buf_printf(why, "--maildir %s: %s; name a Maildir or a directory of messages",
			o->maildir, S_ISDIR(st.st_mode) ? strerror(errno) : "no directory");
	free(path);
	return ok;
}
