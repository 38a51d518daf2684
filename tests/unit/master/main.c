/* SPDX-License-Identifier: MIT */
#include "support/tap.h"
#include "suites.h"

int main(int argc, char **argv)
{
	CU_SuiteInfo suites[] = {
		{ .pName = "account", .pTests = account_tests },
		{ .pName = "activation", .pTests = activation_tests },
		{ .pName = "backoff", .pTests = backoff_tests },
		{ .pName = "generation", .pTests = generation_tests },
		{ .pName = "listener", .pTests = listener_tests },
		{ .pName = "logfile", .pTests = logfile_tests },
		{ .pName = "modpath", .pTests = modpath_tests },
		{ .pName = "notify", .pTests = notify_tests },
		{ .pName = "options", .pTests = options_tests },
		{ .pName = "pulse", .pTests = pulse_tests },
		{ .pName = "quick", .pTests = quick_tests },
		{ .pName = "rundir", .pTests = rundir_tests },
		{ .pName = "spawn", .pTests = spawn_tests },
		CU_SUITE_INFO_NULL,
	};

	return tap_main(argc, argv, "test-master", suites);
}
