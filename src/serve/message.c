/* SPDX-License-Identifier: MIT */
#include "serve/message.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "base/error.h"

void request_free(struct request *request)
{
	if (!request)
		return;
	vec_each(parameter, &request->parameters) {
		free(parameter->name);
		free(parameter->value);
	}
	vec_done(&request->parameters);
	for (char **part = request->parts; part && *part; part++)
		free(*part);
	free(request->parts);
	free(request->path);
	free(request->body);
	free(request->last_event_id);
	free(request->accept);
	free(request);
}

void response_free(struct response *response)
{
	if (!response)
		return;
	free(response->body);
	free(response);
}

const char *request_parameter(const struct request *request, const char *name)
{
	const char *value = NULL;

	vec_each(parameter, &request->parameters)
		if (strcmp(parameter->name, name) == 0)
			value = parameter->value;
	return value;
}

FILE *response_open(struct response *response, int status, const char *type)
{
	free(response->body);
	response->body = NULL;
	response->status = status;
	response->type = type;
	return open_memstream(&response->body, &response->len);
}

int response_close(struct response *response, FILE *out)
{
	(void)response;
	return fclose(out) == 0 ? 0 : -ENOMEM;
}

FILE *response_open_object(struct response *response, int status, struct json *json)
{
	FILE *out = response_open(response, status, "application/json");

	if (!out)
		return NULL;
	json_begin(json, out, false);
	json_object(json, NULL);
	return out;
}

int response_close_object(struct response *response, struct json *json, FILE *out)
{
	json_object_end(json);
	putc('\n', out);
	return response_close(response, out);
}

static const char *title_of(int status)
{
	switch (status) {
	case 400:
		return "Bad Request";
	case 401:
		return "Unauthorized";
	case 403:
		return "Forbidden";
	case 404:
		return "Not Found";
	case 405:
		return "Method Not Allowed";
	case 409:
		return "Conflict";
	case 415:
		return "Unsupported Media Type";
	case 421:
		return "Misdirected Request";
	case 429:
		return "Too Many Requests";
	case 503:
		return "Service Unavailable";
	default:
		return status < 500 ? "Error" : "Internal Server Error";
	}
}

void response_problem(struct response *response, int status, const char *hint, const char *format,
		      ...)
{
	char detail[1024];
	struct json json;
	va_list list;
	FILE *out;

	va_start(list, format);
	vsnprintf(detail, sizeof(detail), format, list);
	va_end(list);
	out = response_open(response, status, "application/problem+json");
	if (!out)
		return;
	json_begin(&json, out, false);
	json_object(&json, NULL);
	json_text(&json, "type", "about:blank");
	json_text(&json, "title", title_of(status));
	json_u64(&json, "status", (uint64_t)status);
	json_text(&json, "detail", detail);
	if (hint && *hint)
		json_text(&json, "hint", hint);
	json_object_end(&json);
	putc('\n', out);
	if (response_close(response, out))
		response->status = 500;
	if (status == 429 || status == 503)
		response->retry_after_s = 1;
}

void response_failed(struct response *response, int err)
{
	char text[1024], remedy[512];
	int status = 500;

	switch (-err) {
	case EINVAL:
	case ERANGE:
	case E2BIG:
		status = 400;
		break;
	case ENOENT:
		status = 404;
		break;
	case ETIME:
	case EBUSY:
	case EAGAIN:
	case ENOSPC:
		status = 503;
		break;
	}
	snprintf(text, sizeof(text), "%s", *error_text() ? error_text() : strerror(-err));
	snprintf(remedy, sizeof(remedy), "%s", error_hint());
	error_clear();
	response_problem(response, status, remedy, "%s", text);
}
