/* SPDX-License-Identifier: MIT */
#ifndef ADMIN_TLS_H
#define ADMIN_TLS_H
/* GET /v1/tls: certificates, and what clients agree on. */
#include "admin/scene.h"
#include "ipc/figures.h"

/* A new reference, Tls of docs/openapi.yaml. NULL: out of memory. */
json_t *tls_json(const struct scene *);
/* In all generations. */
uint64_t tls_logins(const struct scene *, enum figures_result, uint8_t mechanism);
uint64_t tls_handshakes(const struct scene *, uint8_t version, uint8_t cipher, bool resumed);

#endif
