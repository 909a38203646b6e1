/* SPDX-License-Identifier: MIT */
/* grpc_reflection.c - which services and messages there are, for clients that do not know them beforehand.
 *
 * Each file of messages lies here as protoc describes it: a list that holds that one file.
 */
#include <string.h>

#include "serve/grpc_call.h"
#include "serve/proto/grpc/health/v1/health.pb-c.h"
#include "serve/proto/grpc/reflection/v1/reflection.pb-c.h"
#include "serve/proto/profiler.pb-c.h"

typedef Grpc__Reflection__V1__ServerReflectionRequest request_type;
typedef Grpc__Reflection__V1__ServerReflectionResponse response_type;

static const uint8_t profiler_set[] = {
#include "serve/proto/profiler.inc"
};
static const uint8_t health_set[] = {
#include "serve/proto/grpc/health/v1/health.inc"
};
static const uint8_t reflection_set[] = {
#include "serve/proto/grpc/reflection/v1/reflection.inc"
};
static const uint8_t alpha_set[] = {
#include "serve/proto/grpc/reflection/v1alpha/reflection.inc"
};

#define MAX_SYMBOLS 16

struct described {
	const char *name, *package;
	const uint8_t *set;
	size_t len;
	const char *services[3];
	const char *messages[MAX_SYMBOLS]; /* and what else has a name */
};

#define REFLECTION_MESSAGES                                                                 \
	"ServerReflectionRequest", "ExtensionRequest", "ServerReflectionResponse",          \
		"FileDescriptorResponse", "ExtensionNumberResponse", "ListServiceResponse", \
		"ServiceResponse", "ErrorResponse"

static const struct described files[] = {
	{ "profiler.proto",
	  "profiler",
	  profiler_set,
	  sizeof(profiler_set),
	  { "ProfilerService", "SessionService" },
	  { "StartProfilingRequest", "StartProfilingResponse", "GetProfilingResultsRequest",
	    "ProfilingResultsChunk", "GetStatusRequest", "GetStatusResponse", "ListSessionsRequest",
	    "Session", "ListSessionsResponse", "CancelSessionRequest", "CancelSessionResponse" } },
	{ "grpc/health/v1/health.proto",
	  "grpc.health.v1",
	  health_set,
	  sizeof(health_set),
	  { "Health" },
	  { "HealthCheckRequest", "HealthCheckResponse", "HealthCheckResponse.ServingStatus" } },
	{ "grpc/reflection/v1/reflection.proto",
	  "grpc.reflection.v1",
	  reflection_set,
	  sizeof(reflection_set),
	  { "ServerReflection" },
	  { REFLECTION_MESSAGES } },
	{ "grpc/reflection/v1alpha/reflection.proto",
	  "grpc.reflection.v1alpha",
	  alpha_set,
	  sizeof(alpha_set),
	  { "ServerReflection" },
	  { REFLECTION_MESSAGES } },
};

/* "Name", or of a service "Name.Method". */
static bool is_in(const char *const *names, const char *name, bool with_parts)
{
	for (; *names; names++) {
		size_t len = strlen(*names);

		if (strncmp(*names, name, len) == 0 &&
		    (!name[len] || (with_parts && name[len] == '.')))
			return true;
	}
	return false;
}

static const struct described *file_of_symbol(const char *symbol)
{
	for (size_t i = 0; i < array_len(files); i++) {
		size_t len = strlen(files[i].package);

		if (strncmp(symbol, files[i].package, len) != 0 || symbol[len] != '.')
			continue;
		if (is_in(files[i].services, symbol + len + 1, true) ||
		    is_in(files[i].messages, symbol + len + 1, false))
			return &files[i];
	}
	return NULL;
}

static const struct described *file_of_name(const char *name)
{
	for (size_t i = 0; i < array_len(files); i++)
		if (strcmp(files[i].name, name) == 0)
			return &files[i];
	return NULL;
}

static void say_error(response_type *response, Grpc__Reflection__V1__ErrorResponse *error,
		      enum grpc_status status, const char *text)
{
	error->error_code = status;
	error->error_message = (char *)text;
	response->message_response_case =
		GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_ERROR_RESPONSE;
	response->error_response = error;
}

static void send_file(struct call *call, response_type *response, const struct described *file)
{
	Grpc__Reflection__V1__FileDescriptorResponse said =
		GRPC__REFLECTION__V1__FILE_DESCRIPTOR_RESPONSE__INIT;
	Grpc__Reflection__V1__ErrorResponse error = GRPC__REFLECTION__V1__ERROR_RESPONSE__INIT;
	ProtobufCBinaryData bytes;
	size_t head = 1; /* the number of the field, then the length of the file */

	if (!file) {
		say_error(response, &error, GRPC_NOT_FOUND, "there is no such file or name");
		call_send(call, &response->base);
		return;
	}
	while (file->set[head++] & 0x80)
		;
	bytes.data = (uint8_t *)file->set + head;
	bytes.len = file->len - head;
	said.n_file_descriptor_proto = 1;
	said.file_descriptor_proto = &bytes;
	response->message_response_case =
		GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_FILE_DESCRIPTOR_RESPONSE;
	response->file_descriptor_response = &said;
	call_send(call, &response->base);
}

static void send_services(struct call *call, response_type *response)
{
	Grpc__Reflection__V1__ListServiceResponse said =
		GRPC__REFLECTION__V1__LIST_SERVICE_RESPONSE__INIT;
	Grpc__Reflection__V1__ServiceResponse list[array_len(files) * 2];
	Grpc__Reflection__V1__ServiceResponse *pointers[array_len(files) * 2];
	char names[array_len(files) * 2][64];
	size_t count = 0;

	for (size_t i = 0; i < array_len(files); i++)
		for (const char *const *service = files[i].services; *service; service++) {
			snprintf(names[count], sizeof(names[count]), "%s.%s", files[i].package,
				 *service);
			grpc__reflection__v1__service_response__init(&list[count]);
			list[count].name = names[count];
			pointers[count] = &list[count];
			count++;
		}
	said.n_service = count;
	said.service = pointers;
	response->message_response_case =
		GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_LIST_SERVICES_RESPONSE;
	response->list_services_response = &said;
	call_send(call, &response->base);
}

static void answer(struct call *call, request_type *request)
{
	response_type response = GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__INIT;
	Grpc__Reflection__V1__ErrorResponse error = GRPC__REFLECTION__V1__ERROR_RESPONSE__INIT;

	response.valid_host = request->host;
	response.original_request = request;
	switch (request->message_request_case) {
	case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_BY_FILENAME:
		send_file(call, &response, file_of_name(request->file_by_filename));
		return;
	case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_CONTAINING_SYMBOL:
		send_file(call, &response, file_of_symbol(request->file_containing_symbol));
		return;
	case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_LIST_SERVICES:
		send_services(call, &response);
		return;
	default:
		say_error(&response, &error, GRPC_NOT_FOUND, "there are no extensions");
		call_send(call, &response.base);
	}
}

static void message(struct call *call, const uint8_t *bytes, size_t len)
{
	request_type *request =
		grpc__reflection__v1__server_reflection_request__unpack(NULL, len, bytes);

	if (!request) {
		call_end(call, GRPC_INVALID_ARGUMENT, "the message cannot be read");
		return;
	}
	answer(call, request);
	grpc__reflection__v1__server_reflection_request__free_unpacked(request, NULL);
}

const struct grpc_method grpc_reflection_methods[] = {
	{ .path = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
	  .is_stream = true,
	  .message = message },
	{ .path = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
	  .is_stream = true,
	  .message = message },
	{ 0 },
};
