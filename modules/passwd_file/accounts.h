/* SPDX-License-Identifier: MIT */
#ifndef PASSWD_FILE_ACCOUNTS_H
#define PASSWD_FILE_ACCOUNTS_H
/* Accounts made, changed and taken away. The state is a struct state. */
#include <popart/module.h>

extern const struct popart_account_ops accounts_ops;

#endif
