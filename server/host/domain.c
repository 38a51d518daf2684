/* SPDX-License-Identifier: MIT */
#include "host/domain.h"
#include <strings.h>

struct popart_str domain_of(struct popart_str user)
{
	const char *at = user.len ? memrchr(user.ptr, '@', user.len) : NULL;

	return at ? view_of(at + 1, user.len - (size_t)(at + 1 - user.ptr)) : VIEW_NONE;
}

static bool same(struct popart_str a, struct popart_str b)
{
	return a.len == b.len && strncasecmp(a.ptr, b.ptr, a.len) == 0;
}

size_t domain_rank(const struct conf_block *block, struct popart_str domain)
{
	size_t best = 0;

	for (size_t i = 0; i < block->ndomains && domain.len; i++) {
		struct popart_str wanted = block->domains[i];

		if (same(wanted, domain))
			return SIZE_MAX;
		if (wanted.ptr[0] != '*')
			continue;
		wanted = view_of(wanted.ptr + 1, wanted.len - 1); /* its dot is to be there */
		if (wanted.len < domain.len && wanted.len > best &&
			same(wanted, view_of(domain.ptr + domain.len - wanted.len, wanted.len)))
			best = wanted.len;
	}
	return best;
}

bool domain_is_for(const struct conf_block *block, struct popart_str user)
{
	return block->ndomains == 0 || domain_rank(block, domain_of(user)) > 0;
}

struct popart_instance *domain_store(const struct host *h, struct popart_str user)
{
	struct popart_instance *best = NULL, *open = NULL;
	struct popart_str domain = domain_of(user);
	size_t closest = 0;

	for (size_t i = 0; i < h->ninstances; i++) {
		struct popart_instance *inst = h->instances[i];
		size_t rank = domain_rank(inst->block, domain);

		if (inst->kind != INSTANCE_STORAGE)
			continue;
		if (!open && inst->block->ndomains == 0)
			open = inst;
		if (rank > closest) {
			closest = rank;
			best = inst;
		}
	}
	return best ? best : open;
}
