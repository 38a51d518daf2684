/* SPDX-License-Identifier: MIT */
#include "host/instance.h"
#include <stdio.h>
#include <stdlib.h>

#define REASON_MAX  1024u
#define CACHE_LINE  64u
#define OPTIONS_MAX ((size_t)1 << 20)

static const char *const op_names[HOST_OPS] = {
#define MODULE_OP(id, name) [OP_##id] = name,
#include "base/module_ops.h"
#undef MODULE_OP
};

static const struct popart_opt no_options[] = { { .name = NULL } };

struct host *host_new(const struct host_setup *setup)
{
	struct host *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	h->setup = *setup;
	if (h->setup.threads == 0)
		h->setup.threads = 1;
	pthread_mutex_init(&h->lifecycle, NULL);
	h->module_path = strdup(setup->module_path ? setup->module_path : "");
	if (!h->module_path) {
		host_free(&h);
		return NULL;
	}
	table_init(h);
	return h;
}

static void instance_free(struct popart_instance *inst)
{
	conf_values_free(&inst->conf);
	for (size_t i = 0; i < HOST_OPS; i++)
		free(inst->doing[i]);
	free(inst->thread_states);
	free(inst->stats);
	buf_free(&inst->reason);
	pthread_mutex_destroy(&inst->serial_lock);
	pthread_mutex_destroy(&inst->reason_lock);
	free(inst);
}

void host_free(struct host **hp)
{
	struct host *h = *hp;

	if (!h)
		return;
	while (h->ninstances)
		instance_free(h->instances[--h->ninstances]);
	free(h->instances);
	while (h->modules) {
		struct module *m = h->modules;
		h->modules = m->next;
		loader_close(&m);
	}
	pthread_mutex_destroy(&h->lifecycle);
	free(h->module_path);
	free(h);
	*hp = NULL;
}

/* The same file is loaded once, however many instances it has. */
static struct module *get_module(struct host *h, const char *name, struct buf *why)
{
	struct module *m = NULL;
	char *file = loader_find(h->module_path, name, why);

	if (!file)
		return NULL;
	for (m = h->modules; m && strcmp(m->path, file) != 0; m = m->next)
		;
	if (!m && (m = loader_open(file, why))) {
		m->next = h->modules;
		h->modules = m;
	}
	free(file);
	return m;
}

/* Each row, whatever its size in the module. */
static const struct popart_opt *option_at(const struct module *m, size_t i)
{
	const char *rows = (const char *)m->desc.options;

	if (!rows)
		return NULL;
	const struct popart_opt *row =
		(const struct popart_opt *)(const void *)(rows + i * m->desc.opt_stride);
	return row->name ? row : NULL;
}

static const struct popart_stat *stat_at(const struct module *m, size_t i)
{
	const char *rows = (const char *)m->desc.stats;

	if (!rows)
		return NULL;
	const struct popart_stat *row =
		(const struct popart_stat *)(const void *)(rows + i * m->desc.stat_stride);
	return row->name ? row : NULL;
}

static bool templates_are_right(const struct popart_instance *inst, struct report *r)
{
	const struct popart_opt *row;
	bool right = true;

	for (size_t i = 0; (row = option_at(inst->module, i)); i++) {
		struct popart_str bad;
		if (!(row->flags & POPART_OPT_TEMPLATE) ||
			expand_check(conf_str(inst->conf, row->name), &bad))
			continue;
		report_error(r, inst->block->file, inst->block->line,
			"%s: \"%.*s\" means nothing here; there are %%u %%n %%d %%h "
			"%%{attribute} and %%%%",
			row->name, VIEW_FMT(bad));
		right = false;
	}
	return right;
}

static bool read_options(struct popart_instance *inst, struct report *r)
{
	const struct popart_opt *rows = inst->module->desc.options;
	size_t stride = inst->module->desc.opt_stride;

	inst->conf = rows ? conf_read_block(inst->block, rows, stride, r)
			  : conf_read_block(inst->block, no_options, sizeof(no_options[0]), r);
	return inst->conf && templates_are_right(inst, r);
}

static bool make_room(struct popart_instance *inst)
{
	const size_t per_line = CACHE_LINE / sizeof(int64_t);
	size_t threads = inst->host->setup.threads;

	for (size_t i = 0; i < HOST_OPS; i++) {
		if (asprintf(&inst->doing[i], "%s.%s", inst->name, op_names[i]) < 0) {
			inst->doing[i] = NULL;
			return false;
		}
	}
	while (stat_at(inst->module, inst->nstats))
		inst->nstats++;
	inst->stats_width = (inst->nstats + per_line - 1) / per_line * per_line;
	inst->stats = calloc((threads + 1) * inst->stats_width + 1, sizeof(*inst->stats));
	inst->thread_states = calloc(threads, sizeof(*inst->thread_states));
	return inst->stats && inst->thread_states;
}

static bool has_kind(const struct module *m, enum instance_kind kind)
{
	return kind == INSTANCE_AUTH ? m->desc.auth != NULL : m->desc.storage != NULL;
}

static bool is_serial(const struct module *m, enum instance_kind kind)
{
	return kind == INSTANCE_AUTH ? m->auth.caps & POPART_AUTH_SERIAL
				     : m->storage.caps & POPART_STORE_SERIAL;
}

static struct popart_instance *instance_new(struct host *h, struct module *m,
	enum instance_kind kind, const struct conf_block *block, struct report *r)
{
	struct popart_instance *inst = calloc(1, sizeof(*inst));

	if (!inst) {
		report_error(r, block->file, block->line, "out of memory");
		return NULL;
	}
	*inst = (struct popart_instance){ .host = h,
		.module = m,
		.kind = kind,
		.block = block,
		.name = block->name,
		.as_user = block->as_user,
		.serial = is_serial(m, kind) };
	pthread_mutex_init(&inst->serial_lock, NULL);
	pthread_mutex_init(&inst->reason_lock, NULL);
	buf_init(&inst->reason, REASON_MAX * 2);
	if (!make_room(inst))
		report_error(r, block->file, block->line, "out of memory");
	else if (read_options(inst, r))
		return inst;
	instance_free(inst);
	return NULL;
}

static bool load_block(struct host *h, enum instance_kind kind, const struct conf_block *block,
	struct report *r)
{
	struct popart_instance *inst;
	struct module *m;
	struct buf why;

	buf_init(&why, REASON_MAX * 4);
	m = get_module(h, block->module, &why);
	if (!m)
		report_error(r, block->file, block->line, "module \"%s\": %s", block->module,
			buf_cstr(&why));
	buf_free(&why);
	if (!m)
		return false;
	if (!has_kind(m, kind)) {
		report_error(r, block->file, block->line,
			"module \"%s\" has no %s; take another", block->module,
			kind == INSTANCE_AUTH ? "auth operations" : "storage operations");
		return false;
	}
	if (kind == INSTANCE_STORAGE && (m->desc.needs & POPART_NEEDS_USER_IDS) &&
		!block->as_user) {
		report_error(r, block->file, block->line,
			"module \"%s\" reaches for files as their owners only; add: as_user = "
			"true;",
			block->module);
		return false;
	}
	inst = instance_new(h, m, kind, block, r);
	if (!inst)
		return false;
	inst->index = (unsigned)h->ninstances;
	h->instances[h->ninstances++] = inst;
	return true;
}

bool host_load(struct host *h, const struct conf *conf, struct report *r)
{
	bool all = true;

	h->instances =
		calloc(conf->nauth + conf->nstorage + 1, sizeof(struct popart_instance *));
	if (!h->instances) {
		report_error(r, NULL, 0, "out of memory");
		return false;
	}
	for (size_t i = 0; i < conf->nauth; i++)
		all &= load_block(h, INSTANCE_AUTH, &conf->auth[i], r);
	for (size_t i = 0; i < conf->nstorage; i++)
		all &= load_block(h, INSTANCE_STORAGE, &conf->storage[i], r);
	return all;
}

const char *instance_kind(const struct popart_instance *inst)
{
	return inst->kind == INSTANCE_AUTH ? "auth" : "storage";
}

/*
 * check, start and thread_start: one at a time, so that what fail() says without a call
 * is known to be about this one.
 */
static void expect_reason(struct popart_instance *inst)
{
	pthread_mutex_lock(&inst->host->lifecycle);
	pthread_mutex_lock(&inst->reason_lock);
	inst->wants_reason = true;
	buf_reset(&inst->reason);
	pthread_mutex_unlock(&inst->reason_lock);
}

static bool take_reason(
	struct popart_instance *inst, int status, const char *what, struct report *r)
{
	pthread_mutex_lock(&inst->reason_lock);
	inst->wants_reason = false;
	if (status && inst->reason.len)
		report_error(r, inst->block->file, inst->block->line, "%s \"%s\": %s",
			instance_kind(inst), inst->name, buf_cstr(&inst->reason));
	else if (status)
		report_error(r, inst->block->file, inst->block->line,
			"%s \"%s\": %s failed (%s) and the module does not say why; see its "
			"manual",
			instance_kind(inst), inst->name, what, host_status_name(status));
	pthread_mutex_unlock(&inst->reason_lock);
	pthread_mutex_unlock(&inst->host->lifecycle);
	return status == POPART_OK;
}

bool host_check(struct host *h, struct report *r)
{
	bool all = true;

	for (size_t i = 0; i < h->ninstances; i++) {
		struct popart_instance *inst = h->instances[i];
		if (!inst->module->desc.check)
			continue;
		expect_reason(inst);
		inst->warnings = h->setup.log ? NULL : r;
		int status = inst->module->desc.check(&h->table, inst, inst->conf);
		inst->warnings = NULL;
		all &= take_reason(inst, status, "check", r);
	}
	return all;
}

bool host_start(struct host *h, struct report *r)
{
	for (size_t i = 0; i < h->ninstances; i++) {
		struct popart_instance *inst = h->instances[i];

		expect_reason(inst);
		int status =
			inst->module->desc.start(&h->table, inst, inst->conf, &inst->state);
		inst->started = status == POPART_OK;
		if (!take_reason(inst, status, "start", r)) {
			inst->state = NULL;
			host_stop(h);
			return false;
		}
	}
	return true;
}

void host_stop(struct host *h)
{
	for (size_t i = h->ninstances; i-- > 0;) {
		struct popart_instance *inst = h->instances[i];
		if (!inst->started)
			continue;
		inst->module->desc.stop(inst->state);
		inst->started = false;
		inst->state = NULL;
	}
}

/* The first n instances, the last one first. */
static void stop_thread(struct host *h, unsigned thread, size_t n)
{
	while (n-- > 0) {
		struct popart_instance *inst = h->instances[n];
		if (inst->module->desc.thread_stop)
			inst->module->desc.thread_stop(
				inst->state, thread, inst->thread_states[thread]);
		inst->thread_states[thread] = NULL;
	}
}

bool host_thread_start(struct host *h, unsigned thread, struct report *r)
{
	for (size_t i = 0; i < h->ninstances; i++) {
		struct popart_instance *inst = h->instances[i];
		if (!inst->module->desc.thread_start)
			continue;
		expect_reason(inst);
		int status = inst->module->desc.thread_start(
			inst->state, thread, &inst->thread_states[thread]);
		if (!take_reason(inst, status, "thread_start", r)) {
			inst->thread_states[thread] = NULL;
			stop_thread(h, thread, i);
			return false;
		}
	}
	return true;
}

void host_thread_stop(struct host *h, unsigned thread)
{
	stop_thread(h, thread, h->ninstances);
}

void host_dump(const struct host *h, struct buf *out)
{
	for (size_t i = 0; i < h->ninstances; i++)
		conf_dump_block(h->instances[i]->block, h->instances[i]->conf, out);
}

/* Of a file beside which others are made the directory is meant, unless it is one that
 * only a user's name completes. */
static void tell_path(const struct popart_opt *row, const char *path,
	void (*each)(void *, const char *path), void *ctx)
{
	const char *slash = strrchr(path, '/');
	char *directory;

	if (!(row->flags & POPART_OPT_BESIDE) || strchr(path, '%') || !slash || slash == path) {
		each(ctx, path);
		return;
	}
	directory = strndup(path, (size_t)(slash - path));
	if (directory)
		each(ctx, directory);
	free(directory);
}

void host_each_path(const struct host *h, void (*each)(void *, const char *path), void *ctx)
{
	const struct popart_opt *row;

	for (size_t i = 0; i < h->ninstances; i++) {
		const struct popart_instance *inst = h->instances[i];
		for (size_t n = 0; (row = option_at(inst->module, n)); n++) {
			if (row->type != POPART_OPT_PATH)
				continue;
			struct popart_str path = conf_str(inst->conf, row->name);
			if (path.len)
				tell_path(row, path.ptr, each, ctx);
		}
	}
}

uint32_t host_needs(const struct host *h)
{
	uint32_t needs = 0;

	for (size_t i = 0; i < h->ninstances; i++)
		needs |= h->instances[i]->module->desc.needs;
	return needs;
}

void host_each_stat(const struct host *h,
	void (*each)(void *, unsigned instance, unsigned stat, int64_t value), void *ctx)
{
	for (size_t i = 0; i < h->ninstances; i++) {
		const struct popart_instance *inst = h->instances[i];
		for (size_t n = 0; n < inst->nstats; n++) {
			int64_t sum = 0;
			for (size_t row = 0; row <= h->setup.threads; row++)
				sum += atomic_load_explicit(
					&inst->stats[row * inst->stats_width + n],
					memory_order_relaxed);
			each(ctx, inst->index, (unsigned)n, sum);
		}
	}
}

const char *host_instance_name(const struct popart_instance *inst)
{
	return inst->name;
}

const char *host_instance_module(const struct popart_instance *inst)
{
	return inst->module->desc.name;
}

unsigned host_instance_index(const struct popart_instance *inst)
{
	return inst->index;
}

void host_each_instance(
	const struct host *h, void (*each)(void *, const struct host_about *), void *ctx)
{
	for (size_t i = 0; i < h->ninstances; i++) {
		const struct popart_instance *inst = h->instances[i];
		const struct module *m = inst->module;
		struct buf options;

		buf_init(&options, OPTIONS_MAX);
		if (inst->kind == INSTANCE_STORAGE)
			buf_printf(
				&options, "as_user = %s;\n", inst->as_user ? "true" : "false");
		conf_dump_values(inst->conf, &options);
		const struct host_about about = {
			.index = inst->index,
			.storage = inst->kind == INSTANCE_STORAGE,
			.caps = inst->kind == INSTANCE_AUTH ? m->auth.caps : m->storage.caps,
			.name = inst->name,
			.module = m->desc.name,
			.version = m->desc.version ? m->desc.version : "",
			.summary = m->desc.summary ? m->desc.summary : "",
			.options = buf_view(&options),
		};
		each(ctx, &about);
		buf_wipe(&options);
	}
}

const struct popart_stat *host_stat_row(const struct host *h, unsigned instance, unsigned stat)
{
	return instance < h->ninstances ? stat_at(h->instances[instance]->module, stat) : NULL;
}
