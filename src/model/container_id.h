/* SPDX-License-Identifier: MIT */
/* container_id.h - the container that the path of a control group names, where it really does.
 *
 * A container is told from one component of the path; of several the last one, which is that of a
 * container in a container:
 *
 *     RUNTIME-ID.scope      by systemd; RUNTIME: docker, libpod, cri-containerd, crio, nerdctl
 *     libpod-ID             of podman without systemd
 *     ID                    below docker, libpod_parent, kubepods or a pod of it, without systemd
 *
 * ID being 64 digits of lower-case hexadecimal.  Nothing else is taken for one: a name that a user gave
 * to a group says nothing.
 */
#ifndef MODEL_CONTAINER_ID_H
#define MODEL_CONTAINER_ID_H

#include <stdbool.h>

#define CONTAINER_ID_DIGITS 64

/**
 * container_id - of a path such as /proc/PID/cgroup has
 * @ret_id: CONTAINER_ID_DIGITS and a closing NUL; untouched where there is none
 */
bool container_id(const char *path, char ret_id[CONTAINER_ID_DIGITS + 1]);

#endif
