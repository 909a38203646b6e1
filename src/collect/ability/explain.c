/* SPDX-License-Identifier: MIT */
/* explain.c - words for what a try found: the true reason, and the one command that changes it.
 *
 * A remedy gives kymo the rights that it lacks, or sets a sysctl that is meant to be set for
 * profiling.  It never loosens kernel.unprivileged_bpf_disabled or kernel.kptr_restrict.
 */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "collect/ability/lab.h"
#include "collect/uapi.h"

static const struct {
	int capability;
	const char *name;
} capabilities[] = {
	{ CAP_BPF, "CAP_BPF" },
	{ CAP_PERFMON, "CAP_PERFMON" },
	{ CAP_SYS_ADMIN, "CAP_SYS_ADMIN" },
	{ CAP_SYS_PTRACE, "CAP_SYS_PTRACE" },
	{ CAP_SYSLOG, "CAP_SYSLOG" },
	{ CAP_CHECKPOINT_RESTORE, "CAP_CHECKPOINT_RESTORE" },
	{ CAP_DAC_READ_SEARCH, "CAP_DAC_READ_SEARCH" },
};

/* Appends to a text of fixed size; what does not fit is cut. */
static void append(char *text, size_t size, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
static void append(char *text, size_t size, const char *format, ...)
{
	size_t len = strlen(text);
	va_list args;

	va_start(args, format);
	vsnprintf(text + len, size - len, format, args);
	va_end(args);
}

#define set_reason(result, format)                                                    \
	do {                                                                          \
		va_list args_;                                                        \
		va_start(args_, format);                                              \
		vsnprintf((result)->reason, sizeof((result)->reason), format, args_); \
		va_end(args_);                                                        \
	} while (0)

void found_works(struct ability_result *result, const char *format, ...)
{
	*result = (struct ability_result){ .state = ABILITY_WORKS };
	set_reason(result, format);
}

void found_degraded(struct ability_result *result, const char *format, ...)
{
	*result = (struct ability_result){ .state = ABILITY_DEGRADED };
	set_reason(result, format);
}

void found_absent(struct ability_result *result, int err, const char *format, ...)
{
	*result = (struct ability_result){ .state = ABILITY_ABSENT, .error = -err };
	set_reason(result, format);
}

void found_forbidden(struct ability_result *result, int err, const char *format, ...)
{
	*result = (struct ability_result){ .state = ABILITY_FORBIDDEN, .error = -err };
	set_reason(result, format);
}

void found_remedy(struct ability_result *result, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(result->remedy, sizeof(result->remedy), format, args);
	va_end(args);
}

const char *error_name(int err)
{
	const char *name = strerrorname_np(err < 0 ? -err : err);

	if (!name && (err == UAPI_ENOTSUPP || err == -UAPI_ENOTSUPP))
		name = "ENOTSUPP";
	return name ? name : "an unknown error";
}

void caps_names(uint64_t caps, char *text, size_t size)
{
	unsigned left = (unsigned)__builtin_popcountll(caps);

	text[0] = '\0';
	for (size_t i = 0; i < array_len(capabilities); i++)
		if (caps & CAP_BIT(capabilities[i].capability)) {
			left--;
			append(text, size, "%s%s", capabilities[i].name,
			       left > 1 ? ", "
			       : left   ? " and "
					: "");
		}
}

uint64_t caps_missing(const struct lab *lab, uint64_t needs)
{
	uint64_t held = lab->effective;

	if (held & CAP_BIT(CAP_SYS_ADMIN)) /* it stands for those that were carved out of it */
		held |= NEEDS_TRACING | CAP_BIT(CAP_CHECKPOINT_RESTORE);
	return needs & ~held;
}

/* Single quotes around a path that a shell would take apart. */
static void append_quoted(char *text, size_t size, const char *path)
{
	bool plain = true;

	for (const char *at = path; *at; at++)
		if (!isalnum((unsigned char)*at) && !strchr("/._+-", *at))
			plain = false;
	append(text, size, plain ? "%s" : "'%s'", path);
}

void caps_remedy(const struct lab *lab, uint64_t needs, struct ability_result *result)
{
	uint64_t missing = caps_missing(lab, needs);
	char *text = result->remedy;
	size_t size = sizeof(result->remedy);
	const char *separator = "";

	text[0] = '\0';
	if (lab->in_user_namespace || (missing & ~lab->bounding) || lab->no_new_privs ||
	    strchr(lab->program, '\''))
		return;
	if (missing & CAP_BIT(CAP_SYS_ADMIN)) { /* never for everybody who may run the file */
		append(text, size, "sudo ");
		append_quoted(text, size, lab->program);
		return;
	}
	append(text, size, "sudo setcap ");
	for (size_t i = 0; i < array_len(capabilities); i++) {
		if (!((missing | lab->permitted) & CAP_BIT(capabilities[i].capability)))
			continue;
		append(text, size, "%s", separator);
		for (const char *at = capabilities[i].name; *at; at++)
			append(text, size, "%c", tolower((unsigned char)*at));
		separator = ",";
	}
	append(text, size, "=ep ");
	append_quoted(text, size, lab->program);
}

/* Why setcap cannot help, behind the names of what is missing. */
static void append_confinement(const struct lab *lab, uint64_t missing,
			       struct ability_result *result)
{
	char names[160];

	if (lab->in_user_namespace) {
		append(result->reason, sizeof(result->reason),
		       "; capabilities count only in the initial user namespace, and this is another: "
		       "run kymo outside of it");
	} else if (missing & ~lab->bounding) {
		caps_names(missing & ~lab->bounding, names, sizeof(names));
		append(result->reason, sizeof(result->reason),
		       "; %s is outside the bounding set: the container or unit around kymo "
		       "has to grant it",
		       names);
	} else if (lab->no_new_privs) {
		append(result->reason, sizeof(result->reason),
		       "; no_new_privs is set: nothing that kymo starts can gain it");
	}
}

static void forbid_missing(const struct lab *lab, struct ability_result *result, int err,
			   uint64_t missing, uint64_t needs, const char *step)
{
	char names[160];

	caps_names(missing, names, sizeof(names));
	found_forbidden(result, err, "%s %s missing", names,
			missing & (missing - 1) ? "are" : "is");
	snprintf(result->step, sizeof(result->step), "%s", step);
	append_confinement(lab, missing, result);
	caps_remedy(lab, needs, result);
}

static void forbid_unexplained(const struct lab *lab, struct ability_result *result, int err,
			       uint64_t needs, const char *step)
{
	if (lab->in_user_namespace) {
		found_forbidden(result, err, "not permitted");
		append_confinement(lab, needs, result);
	} else {
		found_forbidden(result, err,
				"refused although every capability for it is held; %s forbids it",
				lab->has_seccomp
					? "a seccomp filter or a security policy of the kernel"
					: "a security policy of the kernel");
	}
	snprintf(result->step, sizeof(result->step), "%s", step);
}

void found_refused(const struct lab *lab, struct ability_result *result, int err, uint64_t needs,
		   const char *step, const char *absent)
{
	uint64_t missing = caps_missing(lab, needs);

	if (err == -ENOENT && access("/proc/self", F_OK) != 0) {
		found_absent(result, err, "it could not be tried: /proc is not mounted");
		found_remedy(result, "sudo mount -t proc proc /proc");
		return;
	}
	if (err == -EMFILE || err == -ENFILE || err == -ENOMEM)
		found_absent(result, err, "it could not be tried (%s: %s)", step, error_name(err));
	else if (err !=
		 -EPERM) /* bpf(2) says EACCES where the verifier objects, never for rights */
		found_absent(result, err, "%s (%s: %s)", absent, step, error_name(err));
	else if (missing)
		forbid_missing(lab, result, err, missing, needs, step);
	else
		forbid_unexplained(lab, result, err, needs, step);
}

void found_skeleton_refused(const struct lab *lab, struct ability_result *result, int err,
			    uint64_t needs, const char *step, const char *absent)
{
	uint64_t missing = caps_missing(lab, needs);

	if (missing && (err == -EINVAL || err == -EPERM))
		forbid_missing(lab, result, err, missing, needs, step);
	else if (err == -EINVAL && !rights_read_kernel())
		found_forbidden(result, err, RIGHTS_NO_READING " (%s: %s)", step, error_name(err));
	else
		found_refused(lab, result, err, needs, step, absent);
}

void found_perf_refused(const struct lab *lab, struct ability_result *result, int err,
			uint64_t needs, const char *absent)
{
	static const char step[] = "perf_event_open";
	bool needs_nothing = !needs;
	int64_t paranoid = 0;

	if (err != -EACCES && err != -EPERM) {
		found_absent(result, err, "%s (%s: %s)", absent, step, error_name(err));
		return;
	}
	/* Debian's and Ubuntu's levels above 2 close perf to all but CAP_SYS_ADMIN. */
	if (lab_sysctl("kernel/perf_event_paranoid", &paranoid) == 0 && paranoid > 2)
		needs |= CAP_BIT(CAP_SYS_ADMIN);
	if (!caps_missing(lab, needs)) {
		forbid_unexplained(lab, result, err, needs, step);
		return;
	}
	forbid_missing(lab, result, err, caps_missing(lab, needs), needs, step);
	if (paranoid > 2) {
		append(result->reason, sizeof(result->reason),
		       "; kernel.perf_event_paranoid is %lld", (long long)paranoid);
		if (needs_nothing)
			found_remedy(result, "sudo sysctl kernel.perf_event_paranoid=2");
	}
}
