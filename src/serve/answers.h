/* SPDX-License-Identifier: MIT */
/* answers.h - the functions behind the rows of routes[]; see struct route. */
#ifndef SERVE_ANSWERS_H
#define SERVE_ANSWERS_H

#include "serve/route.h"

int answer_healthz(struct api *api, const struct request *request, struct response *response);
int answer_readyz(struct api *api, const struct request *request, struct response *response);
int answer_status(struct api *api, const struct request *request, struct response *response);
int answer_records(struct api *api, const struct request *request, struct response *response);
int answer_processes(struct api *api, const struct request *request, struct response *response);
int answer_connections(struct api *api, const struct request *request, struct response *response);
int answer_incidents(struct api *api, const struct request *request, struct response *response);
int answer_incident(struct api *api, const struct request *request, struct response *response);
int answer_collector(struct api *api, const struct request *request, struct response *response);
int answer_profiles(struct api *api, const struct request *request, struct response *response);
int answer_functions(struct api *api, const struct request *request, struct response *response);
int answer_timeseries(struct api *api, const struct request *request, struct response *response);
int answer_heatmap(struct api *api, const struct request *request, struct response *response);
int answer_metrics(struct api *api, const struct request *request, struct response *response);
int answer_dashboard(struct api *api, const struct request *request, struct response *response);
int answer_dashboard_health(struct api *api, const struct request *request,
			    struct response *response);
int answer_sessions(struct api *api, const struct request *request, struct response *response);
int answer_session_start(struct api *api, const struct request *request, struct response *response);
int answer_session(struct api *api, const struct request *request, struct response *response);
int answer_session_cancel(struct api *api, const struct request *request,
			  struct response *response);
int answer_session_profile(struct api *api, const struct request *request,
			   struct response *response);
int answer_losses(struct api *api, const struct request *request, struct response *response);
int answer_latencies(struct api *api, const struct request *request, struct response *response);
int answer_latency_start(struct api *api, const struct request *request, struct response *response);
int answer_latency_functions(struct api *api, const struct request *request,
			     struct response *response);
int answer_latency(struct api *api, const struct request *request, struct response *response);
int answer_latency_forget(struct api *api, const struct request *request,
			  struct response *response);
int answer_latency_stop(struct api *api, const struct request *request, struct response *response);
int answer_latency_slow(struct api *api, const struct request *request, struct response *response);
int answer_latency_profile(struct api *api, const struct request *request,
			   struct response *response);
int answer_diff(struct api *api, const struct request *request, struct response *response);
int answer_home(struct api *api, const struct request *request, struct response *response);
int answer_page(struct api *api, const struct request *request, struct response *response);
int answer_page_script(struct api *api, const struct request *request, struct response *response);
int answer_page_style(struct api *api, const struct request *request, struct response *response);
int answer_style(struct api *api, const struct request *request, struct response *response);
int answer_openapi(struct api *api, const struct request *request, struct response *response);
int answer_prometheus_query(struct api *api, const struct request *request,
			    struct response *response);
int answer_prometheus_range(struct api *api, const struct request *request,
			    struct response *response);
int answer_prometheus_labels(struct api *api, const struct request *request,
			     struct response *response);
int answer_prometheus_values(struct api *api, const struct request *request,
			     struct response *response);
int answer_prometheus_series(struct api *api, const struct request *request,
			     struct response *response);
int answer_prometheus_metadata(struct api *api, const struct request *request,
			       struct response *response);
int answer_prometheus_build(struct api *api, const struct request *request,
			    struct response *response);
int answer_prometheus_exemplars(struct api *api, const struct request *request,
				struct response *response);
int answer_prometheus_rules(struct api *api, const struct request *request,
			    struct response *response);
int answer_switch(struct api *api, const struct request *request, struct response *response);

/* What they may be asked with. */
extern const struct query_parameter dashboard_parameters[], diff_parameters[], profile_parameters[],
	function_parameters[], timeseries_parameters[], heatmap_parameters[],
	session_profile_parameters[], latency_parameters[], latency_slow_parameters[],
	latency_function_parameters[], loss_parameters[], prometheus_query_parameters[],
	prometheus_range_parameters[], prometheus_match_parameters[],
	prometheus_metadata_parameters[];
extern const struct body_key switch_body[], session_body[], latency_body[];

/** answer_is_healthy - whether profiles can be taken; @why: else the reason */
bool answer_is_healthy(const struct api *api, char *why, size_t size);

/** answer_health - 200 with the word @good, or 503 with @bad and the reasons; @service may be NULL */
int answer_health(struct api *api, struct response *response, const char *good, const char *bad,
		  const char *service);

#endif
