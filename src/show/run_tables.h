/* SPDX-License-Identifier: MIT */
/* run_tables.h - what the writers of an account have in common.  For show/ only. */
#ifndef SHOW_RUN_TABLES_H
#define SHOW_RUN_TABLES_H

#include "base/json.h"
#include "model/account.h"

/* Threads and programs by the number of their process, each then by time. */
struct run_order {
	vec(uint32_t) threads, execs;
};

/** run_order - Return: 0; -ENOMEM */
nodiscard int run_order(const struct account *account, struct run_order *ret_order);
void run_order_done(struct run_order *order);

/** run_holders - processes with resident memory at the peak of the tree, the largest first */
struct run_holders {
	vec(uint32_t) processes;
};
nodiscard int run_holders(const struct account *account, struct run_holders *ret_holders);

/** run_peers - by the bytes that went to and came from them, the most first */
struct run_peers {
	vec(uint32_t) rows; /* of account.peers */
};
nodiscard int run_peers(const struct account *account, struct run_peers *ret_peers);

/** run_address - "10.0.0.1:443", "[::1]:80", "unix"; port 0: "*" */
void run_address(const struct account_peer *peer, char *text, size_t size);

/** run_call_name - of a system call that was counted; never NULL */
const char *run_call_name(uint32_t number);

/** run_part_name - of a call that time went to; code that is in none has a name in brackets */
const char *run_part_name(uint32_t number);

/** run_json_categories - "by_category": all of them, so that they add up */
void run_json_categories(struct json *json, const struct account *account);

/** run_json_tables - memory, network, block, calls, syscalls, files, timeline.  Return: 0; -ENOMEM */
nodiscard int run_json_tables(struct json *json, const struct account *account);

#endif
