/* SPDX-License-Identifier: MIT */
#include "host/host.h"
#include "host/loader.h"

#define WHY_MAX 4096u

static const char *kinds_of(const struct module *m)
{
	if (m->desc.auth && m->desc.storage)
		return "auth, storage";
	return m->desc.auth ? "auth" : "storage";
}

static void add_line(void *ctx, const char *file)
{
	struct buf *out = ctx, why;

	buf_init(&why, WHY_MAX);
	struct module *m = loader_open(file, &why);
	if (m)
		buf_printf(out, "%s %s (%s) %s: %s\n", m->desc.name,
			m->desc.version ? m->desc.version : "-", kinds_of(m), file,
			m->desc.summary ? m->desc.summary : "");
	else
		buf_printf(out, "refused: %s\n", buf_cstr(&why));
	loader_close(&m);
	buf_free(&why);
}

void host_list_modules(const char *module_path, struct buf *out)
{
	loader_each(module_path, add_line, out);
}
