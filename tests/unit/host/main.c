/* SPDX-License-Identifier: MIT */
#include "suites.h"

int main(int argc, char **argv)
{
	CU_SuiteInfo suites[] = { { "chain", NULL, NULL, NULL, NULL, chain_tests },
		{ "store", NULL, NULL, NULL, NULL, store_tests },
		{ "expand", NULL, NULL, NULL, NULL, expand_tests },
		{ "table", NULL, NULL, NULL, NULL, table_tests }, CU_SUITE_INFO_NULL };

	return tap_main(argc, argv, "host", suites);
}
