/* SPDX-License-Identifier: MIT */
#include "crypt_cost.h"

/* One row of a table of users must not be able to take the machine's memory, or a thread
 * for hours. */
#define MEMORY_MAX ((uint64_t)1 << 30)
#define ROUNDS_MAX 10000000u
#define BCRYPT_MAX 18u
#define LANES_MAX  64u

/* The digits of crypt(3): ./0-9A-Za-z. -1: none. */
static int digit(char c)
{
	if (c >= '.' && c <= '9')
		return c - '.';
	if (c >= 'A' && c <= 'Z')
		return c - 'A' + 12;
	return c >= 'a' && c <= 'z' ? c - 'a' + 38 : -1;
}

static bool fits(unsigned n_log2, uint64_t r)
{
	return n_log2 < 31 && r <= MEMORY_MAX >> 7 >> n_log2;
}

/* "j9T": flavour, N and r, with one digit each as long as they are sane; what else there
 * may be, nothing makes. */
static bool yescrypt(struct popart_str text)
{
	int n, r;

	text = octets_cut(&text, '$');
	if (text.len != 3)
		return false;
	n = digit(text.ptr[1]);
	r = digit(text.ptr[2]);
	return n >= 0 && r >= 0 && r < 48 && fits((unsigned)n + 1, (uint64_t)r + 1);
}

/* Five digits, the lowest first. */
static bool five(const char *p, uint64_t *number)
{
	*number = 0;
	for (int i = 4; i >= 0; i--) {
		int d = digit(p[i]);

		if (d < 0)
			return false;
		*number = *number << 6 | (unsigned)d;
	}
	return true;
}

static bool scrypt(struct popart_str text)
{
	uint64_t r, p;
	int n = text.len < 11 ? -1 : digit(text.ptr[0]);

	return n >= 0 && five(text.ptr + 1, &r) && five(text.ptr + 6, &p) && p <= LANES_MAX &&
		fits((unsigned)n, r);
}

static bool at_most(struct popart_str text, uint32_t max)
{
	uint32_t n;

	return octets_number(octets_cut(&text, '$'), max, &n);
}

static struct popart_str behind(struct popart_str text, size_t n)
{
	return (struct popart_str){ text.ptr + n, text.len - n };
}

bool crypt_cost_is_bearable(struct popart_str text)
{
	static const struct popart_str rounds[] = { LITERAL_INIT("$5$rounds="),
		LITERAL_INIT("$6$rounds="), LITERAL_INIT("$sha1$"),
		LITERAL_INIT("$md5,rounds=") };

	for (size_t i = 0; i < sizeof(rounds) / sizeof(rounds[0]); i++)
		if (octets_begin(text, rounds[i]))
			return at_most(behind(text, rounds[i].len), ROUNDS_MAX);
	if (octets_begin(text, LITERAL("$y$")))
		return yescrypt(behind(text, 3));
	if (octets_begin(text, LITERAL("$gy$")))
		return yescrypt(behind(text, 4));
	if (octets_begin(text, LITERAL("$7$")))
		return scrypt(behind(text, 3));
	if (octets_begin(text, LITERAL("$2")) && text.len > 4)
		return at_most(behind(text, 4), BCRYPT_MAX);
	return true;
}
