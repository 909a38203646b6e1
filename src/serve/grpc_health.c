/* SPDX-License-Identifier: MIT */
/* grpc_health.c - whether the services work, as clients and load balancers of gRPC ask. */
#include <stdlib.h>
#include <string.h>

#include "serve/answers.h"
#include "serve/grpc_call.h"
#include "serve/proto/grpc/health/v1/health.pb-c.h"

typedef Grpc__Health__V1__HealthCheckRequest request_type;
typedef Grpc__Health__V1__HealthCheckResponse response_type;
typedef Grpc__Health__V1__HealthCheckResponse__ServingStatus serving;

#define SERVING         GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING
#define NOT_SERVING     GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__NOT_SERVING
#define SERVICE_UNKNOWN GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVICE_UNKNOWN

/* Of a call that watches. */
struct watch {
	serving said;
	bool is_known;
};

static bool is_known(const char *service)
{
	static const char *const names[] = { "", "profiler.ProfilerService",
					     "profiler.SessionService", "grpc.health.v1.Health" };

	for (size_t i = 0; i < array_len(names); i++)
		if (strcmp(names[i], service) == 0)
			return true;
	return false;
}

static serving serving_now(struct call *call, bool known)
{
	char why[256];

	if (!known)
		return SERVICE_UNKNOWN;
	return answer_is_healthy(call_api(call), why, sizeof(why)) ? SERVING : NOT_SERVING;
}

static void say(struct call *call, serving status)
{
	response_type response = GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__INIT;

	response.status = status;
	call_send(call, &response.base);
}

/* Return: whether it could be read; else the call has ended. */
static bool read_known(struct call *call, const uint8_t *bytes, size_t len, bool *ret_known)
{
	request_type *request = grpc__health__v1__health_check_request__unpack(NULL, len, bytes);

	if (!request) {
		call_end(call, GRPC_INVALID_ARGUMENT, "the message cannot be read");
		return false;
	}
	*ret_known = is_known(request->service);
	grpc__health__v1__health_check_request__free_unpacked(request, NULL);
	return true;
}

static void check(struct call *call, const uint8_t *bytes, size_t len)
{
	bool known;

	if (!read_known(call, bytes, len, &known))
		return;
	if (!known) {
		call_end(call, GRPC_NOT_FOUND, "there is no such service");
		return;
	}
	say(call, serving_now(call, true));
	call_end(call, GRPC_OK, "%s", "");
}

static void watch(struct call *call, const uint8_t *bytes, size_t len)
{
	struct watch *state = calloc(1, sizeof(*state));

	if (!state) {
		call_end(call, GRPC_UNAVAILABLE, "no memory");
		return;
	}
	call_set_state(call, state);
	if (!read_known(call, bytes, len, &state->is_known))
		return;
	state->said = serving_now(call, state->is_known);
	say(call, state->said);
}

static void watch_on(struct call *call)
{
	struct watch *state = call_state(call);
	serving now;

	if (!state)
		return;
	now = serving_now(call, state->is_known);
	if (now != state->said)
		say(call, now);
	state->said = now;
}

const struct grpc_method grpc_health_methods[] = {
	{ .path = "/grpc.health.v1.Health/Check", .message = check },
	{ .path = "/grpc.health.v1.Health/Watch", .message = watch, .tick = watch_on },
	{ 0 },
};
