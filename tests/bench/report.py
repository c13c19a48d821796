"""Figures, their targets, and the page that shows them."""

import platform
import statistics

# Targets: the most that dayfly may take, as a ratio to the same by hand or in the figure's own unit.
UP, DOWN, MEMORY, VERSION = 1.10, 1.00, 40, 10


class Figures:
    def __init__(self):
        self.rows = []
        self.missed = []

    def compare(self, what, rows, ours, theirs, target):
        """Medians of both sides, and the median of the pairs' ratios."""
        ratio = statistics.median(r[ours] / r[theirs] for r in rows)
        spread = f"{min(r[ours] / r[theirs] for r in rows):.2f}–{max(r[ours] / r[theirs] for r in rows):.2f}"
        medians = [statistics.median(r[side] for r in rows) for side in (ours, theirs)]
        self.rows.append([what, f"{medians[0]:.2f} s", f"{medians[1]:.2f} s", f"{ratio:.2f} ({spread})", f"≤ {target:.2f}", self.met(what, ratio, target)])

    def single(self, what, value, unit, target):
        shown = f"{value:.1f} {unit}" if value < 100 else f"{value:.0f} {unit}"
        limit = "–" if target is None else f"≤ {target} {unit}"
        self.rows.append([what, shown, "–", "–", limit, "–" if target is None else self.met(what, value, target)])

    def met(self, what, value, target):
        if value > target:
            self.missed.append(what)
        return "yes" if value <= target else "**no**"

    def table(self):
        head = ["what", "dayfly", "by hand", "ratio of pairs (range)", "target", "met"]
        rows = [head, ["---"] * len(head), *self.rows]
        widths = [max(len(r[i]) for r in rows) for i in range(len(head))]
        return "\n".join("| " + " | ".join(cell.ljust(w) for cell, w in zip(row, widths)) + " |" for row in rows) + "\n"


def machine(podman, load):
    """What it was measured on."""
    cpu = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), platform.machine())
    cpus = sum(1 for line in open("/proc/cpuinfo") if line.startswith("processor"))
    memory = next(int(line.split()[1]) for line in open("/proc/meminfo") if line.startswith("MemTotal")) / 1024 / 1024
    engine, runtime, driver = podman.lines("info", "--format", "{{.Version.Version}} {{.Host.OCIRuntime.Name}} {{.Store.GraphDriverName}}")
    system = next((line.split("=", 1)[1].strip().strip('"') for line in open("/etc/os-release") if line.startswith("PRETTY_NAME=")), platform.system())
    return f"{cpus} × {cpu}, {memory:.0f} GiB memory, {system}, Linux {platform.release()}, podman {engine} (rootful, {runtime}, {driver}); load before it began: {load:.1f}"


# Why a target was missed, where that is known; shown only when it was.
REASONS = {
    "up, 10 services": "dayfly makes a network for each pair of caller and callee and one for the judges of each service (23 for these ten), "
    "so that two callers of the same service do not see each other; by hand it is one for each called service (7). Secrets are volumes, "
    "which podman fills one program start at a time; by hand they are plain files of this machine.",
    "up, 2 services": "dayfly makes three networks, three volumes, an anchor and an agent beside the two services; by hand it is one network and two folders.",
    "down, 10 services": "there are more networks and volumes to remove than by hand (23 and 11 instead of 7 and none).",
    "down, 2 services": "there are more networks and volumes to remove than by hand (3 and 3 instead of 1 and none).",
}


def page(figures, machine, pairs, day):
    missed = [f"- **{what}**: {REASONS.get(what, 'not explained yet.')}" for what in figures.missed]
    honest = "\n".join(missed) if missed else "Every target was met in this measurement."
    return f"""# Performance

Measured on {day} with `make bench` (`tests/bench/run target/release/dayfly --write` makes this page), on

> {machine}

{figures.table()}
Seconds are medians of {pairs} pairs after a warm-up, taken in turns: `dayfly up`, `dayfly down`, the same by hand. The ratio is the
median of the pairs' ratios, so that what else the machine does at the time weighs on both sides. Images are there
beforehand. Peak memory is that of the `dayfly` process (the kernel's `ru_maxrss`).

## What is compared

[tests/bench/by-hand](../tests/bench/by-hand) is written for speed: addresses are chosen beforehand, names are hosts
entries, a service is one `podman run` with all its networks, and starts in the moment in which the last service that
it needs answers, which is asked every 10 ms from within its network. It ends in the same confinement: internal
networks without gateway and DNS, joined by declared callers only; not root, read-only root, no capabilities, no new
privileges, limits on memory, processors and processes; the secret as a file.

What it does not do, and dayfly does within its time: check the description, claim the environment against other
runs, note a lease for `reap`, make fresh secrets with a certificate for each service, separate the callers of the same
service from each other, watch for processes that end, say why something did not start, and record what ran.

[two](../tests/bench/two/environment.yaml) is one service that calls another;
[ten](../tests/bench/ten/environment.yaml) has three layers: 3 services that need nothing, 4 that need those, 3 on top.

## Targets that were missed

{honest}
"""

