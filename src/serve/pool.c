/* SPDX-License-Identifier: MIT */
#include "serve/pool.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/error.h"

struct worker {
	struct pool *pool;
	struct api api;
	pthread_t thread;
};

struct pool {
	struct worker workers[POOL_THREADS];
	size_t running;
	int done_fd;
	pthread_mutex_t lock;
	pthread_cond_t is_due;
	bool must_stop;
	vec(struct job *) waiting;
	vec(struct job *) done;
};

void job_free(struct job *job)
{
	if (!job)
		return;
	request_free(job->request);
	response_free(job->response);
	free(job->context);
	free(job);
}

void api_answer(struct api *api, const struct route *route, const struct request *request,
		struct response *response)
{
	int err = route->answer(api, request, response);

	if (err)
		response_failed(response, err);
}

static struct job *next(struct pool *pool)
{
	struct job *job = NULL;

	pthread_mutex_lock(&pool->lock);
	while (!pool->must_stop && !pool->waiting.len)
		pthread_cond_wait(&pool->is_due, &pool->lock);
	if (!pool->must_stop) {
		job = pool->waiting.data[0];
		memmove(pool->waiting.data, pool->waiting.data + 1,
			--pool->waiting.len * sizeof(struct job *));
	}
	pthread_mutex_unlock(&pool->lock);
	return job;
}

static void *run(void *context)
{
	struct worker *worker = context;
	struct pool *pool = worker->pool;
	struct job *job;

	while ((job = next(pool)) != NULL) {
		uint64_t one = 1;

		api_answer(&worker->api, job->route, job->request, job->response);
		pthread_mutex_lock(&pool->lock);
		if (vec_push(&pool->done, job))
			job_free(job);
		pthread_mutex_unlock(&pool->lock);
		(void)!write(pool->done_fd, &one, sizeof(one));
	}
	store_reader_close(worker->api.reader);
	return NULL;
}

int pool_new(const struct api *api, struct pool **ret_pool)
{
	struct pool *pool = calloc(1, sizeof(*pool));
	sigset_t all, before;
	int err;

	if (!pool)
		return -ENOMEM;
	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->is_due, NULL);
	pool->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	err = pool->done_fd < 0 ? fail(-errno, "cannot make an eventfd: %m") : 0;
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	for (; !err && pool->running < POOL_THREADS; pool->running++) {
		struct worker *worker = &pool->workers[pool->running];

		worker->pool = pool;
		worker->api = *api;
		err = -pthread_create(&worker->thread, NULL, run, worker);
		if (err) {
			err = fail(err, "cannot start a thread: %m");
			break;
		}
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (err) {
		pool_free(pool);
		return err;
	}
	*ret_pool = pool;
	return 0;
}

void pool_free(struct pool *pool)
{
	if (!pool)
		return;
	pthread_mutex_lock(&pool->lock);
	pool->must_stop = true;
	pthread_cond_broadcast(&pool->is_due);
	pthread_mutex_unlock(&pool->lock);
	for (size_t i = 0; i < pool->running; i++)
		pthread_join(pool->workers[i].thread, NULL);
	vec_each(job, &pool->waiting)
		job_free(*job);
	vec_each(job, &pool->done)
		job_free(*job);
	vec_done(&pool->waiting);
	vec_done(&pool->done);
	fd_closep(&pool->done_fd);
	pthread_mutex_destroy(&pool->lock);
	pthread_cond_destroy(&pool->is_due);
	free(pool);
}

int pool_add(struct pool *pool, struct job *job)
{
	int err;

	pthread_mutex_lock(&pool->lock);
	err = pool->waiting.len < POOL_MAX_WAITING ? vec_push(&pool->waiting, job) : -EAGAIN;
	pthread_cond_signal(&pool->is_due);
	pthread_mutex_unlock(&pool->lock);
	return err;
}

struct job *pool_take(struct pool *pool)
{
	struct job *job = NULL;
	uint64_t count;

	(void)!read(pool->done_fd, &count, sizeof(count));
	pthread_mutex_lock(&pool->lock);
	if (pool->done.len)
		job = pool->done.data[--pool->done.len];
	pthread_mutex_unlock(&pool->lock);
	return job;
}

int pool_descriptor(const struct pool *pool)
{
	return pool->done_fd;
}
