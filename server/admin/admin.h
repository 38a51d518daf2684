/* SPDX-License-Identifier: MIT */
#ifndef ADMIN_ADMIN_H
#define ADMIN_ADMIN_H
/*
 * The admin process: answers HTTP on the admin socket from what the scoreboards show, and
 * passes on to the master what somebody who may asks for. It holds up nobody: workers never
 * wait for it, the master only sends it messages that it may lose.
 */

/* chan: to the master. Returns the exit status. */
int admin_main(int chan);

#endif
