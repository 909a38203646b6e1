# SPDX-License-Identifier: MIT
"""A program that is busier than all others, and the incident that a daemon makes of it."""
import subprocess

from serving import until

# More threads than CPUs, so that it is the busiest of a machine that others use, too.
BURNER = """
#include <pthread.h>
volatile double sink;
__attribute__((noinline)) void kymo_spikes_here(void) { for (int i = 0; i < 5000000; i++) sink += i; }
static void *burn(void *none) { for (;;) kymo_spikes_here(); return none; }
int main(void)
{
	pthread_t threads[32];
	for (int i = 0; i < 32; i++)
		pthread_create(&threads[i], 0, burn, 0);
	pthread_join(threads[0], 0);
}
"""
SETTINGS = {"triggers.enabled": "true", "triggers.profile_s": 2, "triggers.host_cpu.enabled": "false",
            "triggers.run_queue.enabled": "false", "triggers.io.enabled": "false",
            "triggers.process_cpu.percent": 20, "triggers.process_cpu.for_s": 2,
            "triggers.process_cpu.cooldown_s": 3, "triggers.exit.cooldown_s": 0,
            "triggers.exit.commands": '["kymo-fails", "kymo-dies=SIGTERM"]'}


def program(folder, name, code):
    """A program of that name, which does what the C code says."""
    (folder / f"{name}.c").write_text(code)
    subprocess.run(["gcc", "-O1", "-g", "-fno-omit-frame-pointer", "-pthread", "-o", folder / name,
                    folder / f"{name}.c"], check=True)
    return folder / name


def over(serve, condition):
    """The first incident that fits and is over."""
    def ask():
        found = serve.get(f"/api/v1/incidents?is_over=true&order=asc&{condition}")["data"]
        return found and found[0]
    return until(ask, condition)


def spiked(serve):
    """The incident of a process that is the busiest, once its profile is there."""
    with subprocess.Popen([program(serve.folder, "kymo-spike", BURNER)]) as burner:
        try:
            return over(serve, f"trigger=process_cpu&pid={burner.pid}&state=done")
        finally:
            burner.kill()
