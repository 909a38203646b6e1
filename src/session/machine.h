/* SPDX-License-Identifier: MIT */
/* machine.h - what /proc tells of the whole machine; for session/ only. */
#ifndef SESSION_MACHINE_H
#define SESSION_MACHINE_H

#include <stdint.h>

struct machine_net {
	uint64_t received_bytes, sent_bytes;
};

/** machine_net - of all interfaces of this network namespace but loopback; zeros where it is not told */
struct machine_net machine_net(void);

/** machine_steal_ns - what the host of this machine has taken from all its CPUs so far */
uint64_t machine_steal_ns(void);

/** machine_own_peak_bytes - most memory of kymo; what rusage tells is inherited from whoever began it */
uint64_t machine_own_peak_bytes(void);

#endif
