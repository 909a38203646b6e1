/* SPDX-License-Identifier: MIT */
#include "session/signals.h"

#include <errno.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/error.h"

int signals_take(struct signals *signals)
{
	sigset_t mask;

	sigemptyset(&mask);
	sigaddset(&mask, SIGINT);
	sigaddset(&mask, SIGQUIT);
	sigaddset(&mask, SIGTERM);
	sigaddset(&mask, SIGHUP);
	sigaddset(&mask, SIGCHLD);
	sigprocmask(SIG_BLOCK, &mask, &signals->old_mask);
	signals->fd = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
	return signals->fd < 0 ? fail(-errno, "cannot take signals by descriptor: %m") : 0;
}

int signals_take_or(struct signals *signals, int stop)
{
	if (!stop)
		return signals_take(signals);
	signals->fd = stop;
	signals->is_lent = true;
	return 0;
}

static void pass_on(struct launch *launch, const struct signalfd_siginfo *signal)
{
	if (launch->pid && !launch_reap(launch) && signal->ssi_code <= 0)
		kill(launch->pid, (int)signal->ssi_signo);
}

void signals_read(struct signals *signals, struct launch *launch)
{
	struct pollfd lent = { .fd = signals->fd, .events = POLLIN };
	struct signalfd_siginfo signal;

	if (signals->is_lent) {
		signals->stops += poll(&lent, 1, 0) > 0;
		return;
	}
	while (read(signals->fd, &signal, sizeof(signal)) == sizeof(signal)) {
		if (signal.ssi_signo == SIGCHLD) {
			launch_reap(launch);
			continue;
		}
		signals->stops++;
		pass_on(launch, &signal);
	}
}

void signals_give_back(struct signals *signals)
{
	if (signals->is_lent)
		return;
	if (signals->fd >= 0)
		close(signals->fd);
	signals->fd = -1;
	sigprocmask(SIG_SETMASK, &signals->old_mask, NULL);
}
