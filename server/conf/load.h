/* SPDX-License-Identifier: MIT */
#ifndef CONF_LOAD_H
#define CONF_LOAD_H
/* A configuration being read: what the parts of it share. Nothing outside conf needs this. */
#include "conf/values.h"

#define LOAD_HOSTNAME_MAX 255u

struct load {
	struct conf *conf;
	struct conf_tree *tree;
	const config_setting_t *root;
	const char *name; /* of the file, for what is missing in it */
	struct report *report;
};

extern const char *const load_no_keys[];

void load_no_memory(struct load *); /* reports it */
/* A copy that lives as long as the conf; NULL: reported. */
const char *load_keep(struct load *, const char *);
/* How many groups stand under key, or 0 after an error: what to write in its place. */
size_t load_count_groups(struct load *, const char *key, const char *example);
/* Element i of what stands under key; NULL (with an error): it is no group. */
config_setting_t *load_nth_group(struct load *, const char *key, size_t i);

/* What an option row cannot say; filled in so that the dump has it too. */
void load_defaults(struct load *, struct popart_conf *server);
void load_listen(struct load *);
void load_blocks(struct load *, const char *key, const char *example,
	struct conf_block **blocks, size_t *nblocks);
void load_log(struct load *);
void load_admin(struct load *);

#endif
