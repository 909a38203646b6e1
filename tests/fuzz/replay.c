/* SPDX-License-Identifier: MIT */
/* replay.c - feeds files to a fuzz target, one after the other: the known cases of the corpus, in
 * builds whose compiler has no fuzzer.
 *
 * The name of each file is printed before it is tried, so that a crash says on which.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void replay(const char *path)
{
	FILE *in = fopen(path, "re");
	uint8_t *bytes = NULL;
	long len = -1;

	if (in && fseek(in, 0, SEEK_END) == 0)
		len = ftell(in);
	if (len >= 0)
		bytes = malloc((size_t)len + !len); /* exactly: reading past it must be seen */
	if (!bytes || fseek(in, 0, SEEK_SET) != 0 ||
	    fread(bytes, 1, (size_t)len, in) != (size_t)len) {
		perror(path);
		exit(2);
	}
	fclose(in);
	LLVMFuzzerTestOneInput(bytes, (size_t)len);
	free(bytes);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		puts(argv[i]);
		fflush(stdout);
		replay(argv[i]);
	}
	return 0;
}
