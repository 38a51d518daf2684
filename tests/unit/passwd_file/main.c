/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include "unit/passwd_file/tests.h"

size_t each_known(void *ctx,
	void (*each)(void *ctx, const char *from, struct popart_str secret, bool legacy))
{
	const char *root = getenv("TEST_SRCDIR");
	char path[4096], line[1024];
	size_t n = 0;

	snprintf(path, sizeof(path), "%s/tests/unit/passwd_file/hashes.txt", root ? root : ".");
	FILE *file = fopen(path, "r");
	if (!file)
		return 0;
	while (fgets(line, sizeof(line), file)) {
		char *rest = line, *age, *from;
		if (line[0] == '#')
			continue;
		line[strcspn(line, "\n")] = '\0';
		age = strsep(&rest, "\t");
		from = strsep(&rest, "\t");
		each(ctx, from, str(rest), strcmp(age, "legacy") == 0);
		n++;
	}
	fclose(file);
	return n;
}

int main(int argc, char **argv)
{
	CU_SuiteInfo suites[] = {
		{ .pName = "line", .pTests = line_tests },
		{ .pName = "secret", .pTests = secret_tests },
		{ .pName = "users", .pTests = users_tests },
		{ .pName = "cache", .pTests = cache_tests },
		{ .pName = "edit", .pTests = edit_tests },
		{ .pName = "file", .pTests = file_tests },
		CU_SUITE_INFO_NULL,
	};

	return tap_main(argc, argv, "passwd_file", suites);
}
