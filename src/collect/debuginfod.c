/* SPDX-License-Identifier: MIT */
#include "collect/debuginfod.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/auxv.h>

#include "base/error.h"

#define LIBRARY "libdebuginfod.so.1"

/* As in elfutils/debuginfod.h: client; build-id as text where its length is 0; path not wanted. */
struct debuginfod {
	void *library;
	void *client;
	void (*end)(void *client);
	int (*find)(void *client, const unsigned char *build_id, int len, char **path);
};

int debuginfod_new(struct debuginfod **ret_debuginfod)
{
	own(debuginfod_freep) struct debuginfod *debuginfod = NULL;
	const char *servers = getenv("DEBUGINFOD_URLS");
	void *(*begin)(void);
	int err;

	if (!servers || !*servers) {
		err = fail(-EINVAL, "no debuginfod server is named");
		hint("DEBUGINFOD_URLS=https://debuginfod.debian.net names Debian's");
		return err;
	}
	/* Nothing has loaded this program: it could only load what was compiled with its own C library. */
	if (!getauxval(AT_BASE))
		return fail(-ENOTSUP, "cannot ask debuginfod servers: this kymo was linked without "
				      "libraries, and loads none");
	debuginfod = calloc(1, sizeof(*debuginfod));
	if (!debuginfod)
		return -ENOMEM;
	debuginfod->library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
	if (!debuginfod->library) {
		err = fail(-ENOTSUP, "cannot ask debuginfod servers: " LIBRARY " is not here");
		hint("apt-get install libdebuginfod1");
		return err;
	}
	*(void **)&begin = dlsym(debuginfod->library, "debuginfod_begin");
	*(void **)&debuginfod->end = dlsym(debuginfod->library, "debuginfod_end");
	*(void **)&debuginfod->find = dlsym(debuginfod->library, "debuginfod_find_debuginfo");
	debuginfod->client = begin && debuginfod->end && debuginfod->find ? begin() : NULL;
	if (!debuginfod->client)
		return fail(-ENOTSUP, "cannot ask debuginfod servers: " LIBRARY " does not start");
	*ret_debuginfod = take(debuginfod);
	return 0;
}

void debuginfod_free(struct debuginfod *debuginfod)
{
	if (!debuginfod)
		return;
	if (debuginfod->client)
		debuginfod->end(debuginfod->client);
	if (debuginfod->library)
		dlclose(debuginfod->library);
	free(debuginfod);
}

int debuginfod_open(struct debuginfod *debuginfod, const char *build_id)
{
	return debuginfod->find(debuginfod->client, (const unsigned char *)build_id, 0, NULL);
}
