/* SPDX-License-Identifier: MIT */
#include "quota.h"
#include <string.h>

bool quota_parse(struct popart_str text, uint64_t *quota)
{
	static const char units[] = "KMGT";
	uint64_t n = 0;
	size_t i = 0;

	for (; i < text.len && text.ptr[i] >= '0' && text.ptr[i] <= '9'; i++) {
		if (n > (UINT64_MAX >> 1) / 10 - 1)
			return false;
		n = n * 10 + (unsigned)(text.ptr[i] - '0');
	}
	if (i == 0 || text.len - i > 1)
		return false;
	if (text.len - i == 1) {
		char c = text.ptr[i] >= 'a' ? (char)(text.ptr[i] - 'a' + 'A') : text.ptr[i];
		const char *unit = c ? strchr(units, c) : NULL;

		if (!unit || n > UINT64_MAX >> 1 >> (10 * (unit - units + 1)))
			return false;
		n <<= 10 * (unit - units + 1);
	}
	*quota = n;
	return true;
}
