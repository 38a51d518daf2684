/* SPDX-License-Identifier: MIT */
/*
 * Runs a fuzz target as an ordinary test, without a fuzzer: over every file of its corpus,
 * over all its prefixes (of short files), and over a bounded number of mutations that are
 * the same in every run. A TAP line per file. `fuzz-NAME FILE...` runs files as they are.
 */
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

enum { INPUT_MAX = 1 << 20, PREFIX_MAX = 512, MUTATIONS = 200 };

struct input {
	uint8_t *data;
	size_t size;
};

/* The target gets memory of exactly the right size, so that ASan sees one octet too far. */
static bool run_one(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);
	if (!copy)
		return false;
	if (size)
		memcpy(copy, data, size);
	int rc = LLVMFuzzerTestOneInput(size ? copy : (const uint8_t *)"", size);
	free(copy);
	return rc == 0;
}

static bool read_input(const char *path, struct input *in)
{
	bool ok = false;
	FILE *f = fopen(path, "rb");
	in->size = 0;
	in->data = malloc(INPUT_MAX);
	if (!f || !in->data)
		goto out;
	in->size = fread(in->data, 1, INPUT_MAX, f);
	ok = !ferror(f);
out:
	if (f)
		fclose(f);
	return ok;
}

/* xorshift: the same numbers everywhere. */
static uint32_t next_random(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

/* Changes a few octets, cuts a piece out, or repeats one. buf has room for INPUT_MAX. */
static size_t mutate(uint8_t *buf, size_t size, uint32_t *random)
{
	static const uint8_t telling[] = { 0, '\r', '\n', '.', ' ', '=', '*', '"', '{', 0x7f,
		0x80, 0xff };
	if (size == 0)
		return size;
	size_t at = next_random(random) % size;
	size_t len = 1 + next_random(random) % 16;
	if (len > size - at)
		len = size - at;

	switch (next_random(random) % 4) {
	case 0:
		buf[at] = telling[next_random(random) % sizeof telling];
		return size;
	case 1:
		buf[at] = (uint8_t)(buf[at] ^ (1u << next_random(random) % 8));
		return size;
	case 2:
		memmove(buf + at, buf + at + len, size - at - len);
		return size - len;
	default:
		if (size + len > INPUT_MAX)
			return size;
		memmove(buf + at + len, buf + at, size - at);
		return size + len;
	}
}

static bool run_mutations(const struct input *in)
{
	bool ok = true;
	uint32_t random = 0x9e3779b9u ^ (uint32_t)in->size;
	uint8_t *buf = malloc(INPUT_MAX);
	if (!buf)
		return false;
	for (unsigned i = 0; ok && i < MUTATIONS; i++) {
		size_t size = in->size;
		if (size)
			memcpy(buf, in->data, size);
		for (unsigned rounds = 1 + i % 4; rounds; rounds--)
			size = mutate(buf, size, &random);
		ok = run_one(buf, size);
	}
	free(buf);
	return ok;
}

static bool run_file(const char *path, bool with_mutations)
{
	struct input in;
	bool ok = read_input(path, &in);
	if (!ok)
		printf("# %s: %s\n", path, strerror(errno));
	ok = ok && run_one(in.data, in.size);
	if (ok && with_mutations) {
		for (size_t n = 0; ok && n < in.size && n < PREFIX_MAX; n++)
			ok = run_one(in.data, n);
		ok = ok && run_mutations(&in);
	}
	free(in.data);
	return ok;
}

static void report(bool ok, unsigned n, const char *what)
{
	printf("%s %u - %s\n", ok ? "ok" : "not ok", n, what);
	fflush(stdout);
}

static int not_hidden(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static int run_corpus(const char *dir)
{
	struct dirent **names = NULL;
	int n = scandir(dir, &names, not_hidden, alphasort);
	int failed = 0;
	if (n <= 0) {
		printf("Bail out! no corpus in %s\n", dir);
		return EXIT_FAILURE;
	}
	printf("1..%d\n", n);
	for (int i = 0; i < n; i++) {
		char path[4096];
		int len = snprintf(path, sizeof path, "%s/%s", dir, names[i]->d_name);
		bool ok = len > 0 && (size_t)len < sizeof path && run_file(path, true);
		report(ok, (unsigned)i + 1, names[i]->d_name);
		failed += !ok;
		free(names[i]);
	}
	free(names);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	if (argc > 1) {
		int failed = 0;
		printf("1..%d\n", argc - 1);
		for (int i = 1; i < argc; i++) {
			bool ok = run_file(argv[i], false);
			report(ok, (unsigned)i, argv[i]);
			failed += !ok;
		}
		return failed ? EXIT_FAILURE : EXIT_SUCCESS;
	}

	const char *srcdir = getenv("TEST_SRCDIR");
	const char *name = strstr(argv[0], "fuzz-");
	for (const char *next = name; next; next = strstr(next + 1, "fuzz-"))
		name = next;
	char dir[4096];
	int len = snprintf(dir, sizeof dir, "%s/tests/fuzz/corpus/%s", srcdir ? srcdir : ".",
		name ? name + strlen("fuzz-") : "?");
	if (len < 0 || (size_t)len >= sizeof dir) {
		printf("Bail out! the path of the corpus is too long\n");
		return EXIT_FAILURE;
	}
	return run_corpus(dir);
}
