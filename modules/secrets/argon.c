/* SPDX-License-Identifier: MIT */
#include "argon.h"
#include <argon2.h>
#include <string.h>

/* A line of the file must not be able to take the machine's memory. */
#define MEMORY_MAX_KIB (1u << 20)
#define PASSES_MAX     1000u
#define LANES_MAX      64u
/* Memory times passes is the time. */
#define WORK_MAX_KIB (UINT64_C(1) << 24)

static bool parse_costs(struct popart_str costs, struct argon *a)
{
	struct popart_str memory = octets_cut(&costs, ','), passes = octets_cut(&costs, ',');
	struct popart_str lanes = costs;

	if (octets_cut(&memory, '=').len != 1 || octets_cut(&passes, '=').len != 1 ||
		octets_cut(&lanes, '=').len != 1)
		return false;
	return octets_number(memory, MEMORY_MAX_KIB, &a->memory_kib) &&
		octets_number(passes, PASSES_MAX, &a->passes) && a->passes > 0 &&
		octets_number(lanes, LANES_MAX, &a->lanes) && a->lanes > 0 &&
		a->memory_kib >= 8 * a->lanes;
}

bool argon_parse(struct popart_str text, struct argon *a, const char **why)
{
	struct popart_str name, costs;

	*why = NULL;
	(void)octets_cut(&text, '$');
	name = octets_cut(&text, '$');
	a->is_id = octets_equal(name, LITERAL("argon2id"));
	a->version = ARGON2_VERSION_10;
	costs = octets_cut(&text, '$');
	if (octets_begin(costs, LITERAL("v="))) {
		(void)octets_cut(&costs, '=');
		if (!octets_number(costs, UINT32_MAX, &a->version))
			a->version = 0;
		costs = octets_cut(&text, '$');
	}
	if (!a->is_id && !octets_equal(name, LITERAL("argon2i")))
		*why = "an Argon2 hash begins with $argon2i$ or $argon2id$";
	else if (a->version != ARGON2_VERSION_10 && a->version != ARGON2_VERSION_13)
		*why = "a version of Argon2 that is not known";
	else if (!parse_costs(costs, a))
		*why = "the costs of Argon2 are not of the form m=N,t=N,p=N, or go beyond "
		       "1 GiB, 1000 passes or 64 lanes";
	else if ((uint64_t)a->memory_kib * a->passes > WORK_MAX_KIB)
		*why = "the costs of Argon2 are more work than a login may cost: memory times "
		       "passes beyond 16 GiB";
	else if (!octets_decode(CODING_BASE64, octets_cut(&text, '$'), a->salt, sizeof(a->salt),
			 &a->salt_len) ||
		a->salt_len < ARGON2_MIN_SALT_LENGTH)
		*why = "the salt of Argon2 is not 8 to 64 octets in base64";
	else if (!octets_decode(CODING_BASE64, text, a->hash, sizeof(a->hash), &a->hash_len) ||
		a->hash_len < 16)
		*why = "the hash of Argon2 is not 16 to 64 octets in base64";
	return !*why;
}

int argon_verify(const struct argon *a, struct popart_str password)
{
	unsigned char out[sizeof(a->hash)], salt[sizeof(a->salt)];
	/* Nothing is written to what these point to; the library has no const. */
	argon2_context c = {
		.out = out,
		.outlen = (uint32_t)a->hash_len,
		.pwd = (uint8_t *)(uintptr_t)password.ptr,
		.pwdlen = (uint32_t)password.len,
		.salt = salt,
		.saltlen = (uint32_t)a->salt_len,
		.t_cost = a->passes,
		.m_cost = a->memory_kib,
		.lanes = a->lanes,
		.threads = 1,
		.version = a->version,
		.flags = ARGON2_DEFAULT_FLAGS,
	};
	int error, status;

	memcpy(salt, a->salt, a->salt_len);
	error = argon2_ctx(&c, a->is_id ? Argon2_id : Argon2_i);
	if (error == ARGON2_OK)
		status = octets_same_secret((struct popart_str){ (char *)out, a->hash_len },
				 (struct popart_str){ (const char *)a->hash, a->hash_len })
			? POPART_OK
			: POPART_R_DENIED;
	else
		status =
			error == ARGON2_MEMORY_ALLOCATION_ERROR ? POPART_E_NOMEM : POPART_E_BUG;
	explicit_bzero(out, sizeof(out));
	return status;
}
