/* SPDX-License-Identifier: MIT */
#include "abi/rig.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "support/scratch.h"

static void give_up(const char *what)
{
	perror(what);
	abort();
}

static char *slurp(const char *file)
{
	FILE *f = fopen(file, "rb");
	char *text = calloc(1, 1 << 20);

	if (!text)
		give_up("memory");
	if (f) {
		if (fread(text, 1, (1 << 20) - 1, f) == 0)
			text[0] = '\0';
		fclose(f);
	}
	return text;
}

static void copy(const char *from, const char *to)
{
	FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
	char block[8192];
	size_t n;

	if (!in || !out)
		give_up(in ? to : from);
	while ((n = fread(block, 1, sizeof(block), in)) > 0) {
		if (fwrite(block, 1, n, out) != n)
			give_up(to);
	}
	fclose(in);
	if (fclose(out) || chmod(to, 0644))
		give_up(to);
}

void rig_init(struct rig *r, const char *planted)
{
	const char *build = getenv("TEST_BUILDDIR");
	char from[4096];

	*r = (struct rig){ 0 };
	setenv("PLANTED", planted ? planted : "good", 1);
	scratch_make(r->dir, sizeof(r->dir), "/tmp");
	snprintf(r->module, sizeof(r->module), "%s/planted.so", r->dir);
	snprintf(r->journal, sizeof(r->journal), "%s/journal", r->dir);
	snprintf(r->log_file, sizeof(r->log_file), "%s/log", r->dir);
	snprintf(from, sizeof(from), "%s/tests/abi/.libs/planted.so", build ? build : ".");
	copy(from, r->module);
	static const char *const others[] = { "hollow", "lacking" };
	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		char to[128];
		snprintf(from, sizeof(from), "%s/tests/abi/.libs/%s.so", build ? build : ".",
			others[i]);
		snprintf(to, sizeof(to), "%s/%s.so", r->dir, others[i]);
		copy(from, to);
	}
	buf_init(&r->conf_text, 65536);
	report_init(&r->report);
	struct log_setup setup = {
		.to = LOG_TO_FILE, .level = POPART_LOG_DEBUG, .process = "test"
	};
	setup.fd = open(r->log_file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	r->log = setup.fd < 0 ? NULL : log_new(&setup);
	if (!r->log)
		give_up(r->log_file);
	buf_printf(&r->conf_text,
		"module_path = \"%s\";\n"
		"listen = ( { address = \"127.0.0.1:1100\"; } );\n",
		r->dir);
}

static void add_block(struct rig *r, const char *list, const char *name, const char *more)
{
	char begin[32];

	snprintf(begin, sizeof(begin), "\n%s = (", list);
	const char *known = strstr(buf_cstr(&r->conf_text), begin);
	/* A list's blocks are added one after the other. */
	if (known)
		r->conf_text.len -= strlen(");\n");
	buf_printf(&r->conf_text,
		"%s { module = \"%s\"; name = \"%s\"; journal = \"%s\"; %s } );\n",
		known ? "," : begin, getenv("RIG_MODULE") ? getenv("RIG_MODULE") : "planted",
		name, r->journal, more ? more : "");
}

void rig_auth(struct rig *r, const char *name, const char *more)
{
	add_block(r, "auth", name, more);
}

void rig_storage(struct rig *r, const char *name, const char *more)
{
	add_block(r, "storage", name, more);
}

bool rig_load(struct rig *r)
{
	struct host_setup setup = { .role = POPART_ROLE_WORKER,
		.threads = RIG_THREADS,
		.module_path = r->dir,
		.log = r->log,
		.stopping = &r->stopping };

	r->conf = conf_load(buf_view(&r->conf_text), "test.conf", &r->report);
	if (!r->conf)
		return false;
	r->host = host_new(&setup);
	return r->host && host_load(r->host, r->conf, &r->report);
}

bool rig_start(struct rig *r)
{
	if (!rig_load(r) || !host_check(r->host, &r->report) ||
		!host_start(r->host, &r->report))
		return false;
	for (unsigned i = 0; i < RIG_THREADS; i++) {
		if (host_thread_start(r->host, i, &r->report))
			continue;
		while (i-- > 0)
			host_thread_stop(r->host, i);
		host_stop(r->host);
		return false;
	}
	return true;
}

void rig_free(struct rig *r)
{
	host_free(&r->host);
	conf_free(&r->conf);
	log_free(&r->log);
	report_free(&r->report);
	buf_free(&r->conf_text);
	scratch_remove(r->dir);
}

const char *rig_said(struct rig *r)
{
	struct buf plain;
	char *at;

	buf_init(&plain, 65536);
	for (char *rest = (char *)(uintptr_t)buf_cstr(&r->report.text); *rest;) {
		at = strstr(rest, r->dir);
		if (!at) {
			buf_add_str(&plain, rest);
			break;
		}
		buf_add(&plain, view_of(rest, (size_t)(at - rest)));
		buf_add_str(&plain, "DIR");
		rest = at + strlen(r->dir);
	}
	buf_reset(&r->report.text);
	buf_add(&r->report.text, buf_view(&plain));
	buf_free(&plain);
	return buf_cstr(&r->report.text);
}

char *rig_journal(const struct rig *r)
{
	char *text = slurp(r->journal);

	for (char *p = text; *p; p++) {
		if (*p == '\n')
			*p = ';';
	}
	return text;
}

char *rig_log(const struct rig *r)
{
	log_flush(r->log);
	return slurp(r->log_file);
}
