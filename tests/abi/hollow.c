/* SPDX-License-Identifier: MIT */
/* A shared object that is no module. */
int hollow(void);
int hollow(void)
{
	return 0;
}
