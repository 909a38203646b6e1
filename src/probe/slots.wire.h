/* SPDX-License-Identifier: MIT */
/* slots.wire.h - a table in memory that the kernel and kymo share.
 *
 * Looking a row up in a hash map takes about as long as the whole of what may be spent on a system call.
 * So where every nanosecond counts, a table is an array of slots that is mapped (BPF_F_MMAPABLE):
 *
 *     set 0                      set 1
 *     +-----+-----+     +-----+-----+-----+--
 *     | row | row | ... | row | row | row |      SLOTS_WAYS rows a set; the key says the set
 *     +-----+-----+     +-----+-----+-----+--
 *
 *     row = { key, 8 bytes, never 0; value }
 *
 *     free, key 0 --program--> key --kymo--> key | SLOT_LEAVING --kymo, one reading later--> free
 *
 * A program finds its key in a slot of the set, or takes the first free one.  It adds to the value
 * atomically; kymo takes what is there by exchanging it for 0, so nothing is counted twice or lost.  A
 * slot that leaves is not found any more, and is free one reading later, when no program holds it.
 */
#ifndef PROBE_SLOTS_WIRE_H
#define PROBE_SLOTS_WIRE_H

#define SLOTS_WAYS   8
#define SLOT_LEAVING (1ull << 63) /* keys leave this bit alone */

#endif
