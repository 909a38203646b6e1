/* SPDX-License-Identifier: MIT */
#include "session/ahead.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>

#include "base/error.h"
#include "collect/cpu/spare.h"

struct ahead {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct cpu_spare *spare; /* that lies ready; NULL: none */
	bool is_wanted, is_ending;
};

/* What does not load now is tried again when it is wanted again. */
static void *keep(void *context)
{
	struct ahead *ahead = context;
	struct cpu_spare *spare;

	pthread_mutex_lock(&ahead->lock);
	while (!ahead->is_ending) {
		if (!ahead->is_wanted) {
			pthread_cond_wait(&ahead->changed, &ahead->lock);
			continue;
		}
		ahead->is_wanted = false;
		if (ahead->spare)
			continue;
		pthread_mutex_unlock(&ahead->lock);
		spare = NULL;
		if (cpu_spare_load(&spare))
			error_clear(); /* then whoever samples loads for himself, and says why not */
		pthread_mutex_lock(&ahead->lock);
		if (ahead->spare) /* one was returned meanwhile */
			cpu_spare_free(spare);
		else
			ahead->spare = spare;
	}
	pthread_mutex_unlock(&ahead->lock);
	return NULL;
}

static int start_thread(struct ahead *ahead)
{
	sigset_t all, before;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	err = -pthread_create(&ahead->thread, NULL, keep, ahead);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return err ? fail(err, "cannot start a thread: %m") : 0;
}

int ahead_new(struct ahead **ret_ahead)
{
	struct ahead *ahead = calloc(1, sizeof(*ahead));
	int err;

	if (!ahead)
		return -ENOMEM;
	pthread_mutex_init(&ahead->lock, NULL);
	pthread_cond_init(&ahead->changed, NULL);
	err = start_thread(ahead);
	if (err) {
		free(ahead);
		return err;
	}
	*ret_ahead = ahead;
	return 0;
}

void ahead_free(struct ahead *ahead)
{
	if (!ahead)
		return;
	pthread_mutex_lock(&ahead->lock);
	ahead->is_ending = true;
	pthread_cond_signal(&ahead->changed);
	pthread_mutex_unlock(&ahead->lock);
	pthread_join(ahead->thread, NULL);
	cpu_spare_free(ahead->spare);
	pthread_cond_destroy(&ahead->changed);
	pthread_mutex_destroy(&ahead->lock);
	free(ahead);
}

void ahead_want(struct ahead *ahead)
{
	if (!ahead)
		return;
	pthread_mutex_lock(&ahead->lock);
	ahead->is_wanted = true;
	pthread_cond_signal(&ahead->changed);
	pthread_mutex_unlock(&ahead->lock);
}

struct cpu_spare *ahead_take(struct ahead *ahead)
{
	struct cpu_spare *spare;

	if (!ahead)
		return NULL;
	pthread_mutex_lock(&ahead->lock);
	spare = take(ahead->spare);
	pthread_mutex_unlock(&ahead->lock);
	return spare;
}

void ahead_return(struct ahead *ahead, struct cpu_spare *spare)
{
	struct cpu_spare *extra = spare;

	if (!spare)
		return;
	pthread_mutex_lock(&ahead->lock);
	if (!ahead->spare)
		ahead->spare = take(extra);
	pthread_mutex_unlock(&ahead->lock);
	cpu_spare_free(extra);
}

bool ahead_is_ready(struct ahead *ahead)
{
	bool is_ready = false;

	if (!ahead)
		return false;
	pthread_mutex_lock(&ahead->lock);
	is_ready = ahead->spare != NULL;
	pthread_mutex_unlock(&ahead->lock);
	return is_ready;
}
