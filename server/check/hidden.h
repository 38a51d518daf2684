/* SPDX-License-Identifier: MIT */
#ifndef CHECK_HIDDEN_H
#define CHECK_HIDDEN_H
/* Header fields that a store keeps for itself (popart_storage_ops.hidden_fields). */
#include <popart/storage.h>

/* The message without them, malloc'ed. */
char *hidden_without(const struct popart_storage_ops *, struct popart_str text, size_t *n);

#endif
