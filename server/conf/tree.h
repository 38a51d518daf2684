/* SPDX-License-Identifier: MIT */
#ifndef CONF_TREE_H
#define CONF_TREE_H
/* The parsed text: libconfig's settings, each with its true file and line. */
#include <libconfig.h>
#include "base/arena.h"
#include "conf/report.h"

struct popart_conf;

struct conf_tree {
	struct arena arena; /* holds what struct conf points to */
	config_t libconfig;
	/* Values, for the dump; NULL: the group is not there. */
	struct popart_conf *server, *log, *tls, *admin, **listen, **certificates;
	size_t nlisten, ncertificates;
};

/* NULL: report has new errors. */
struct conf_tree *tree_parse(struct popart_str text, const char *name, struct report *);
void tree_free(struct conf_tree **); /* wipes strings: some may be secrets */

/* "a string", "a group { ... }": for messages. */
const char *tree_type(const config_setting_t *);
/* A group, or the elements of a list of groups. */
size_t tree_groups(const config_setting_t *);
config_setting_t *tree_group(config_setting_t *, size_t index);

#endif
