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
        self.rows.append([what, f"{medians[0]:.2f} s", f"{medians[1]:.2f} s", f"{ratio:.2f} ({spread})", "–" if target is None else f"≤ {target:.2f}", self.met(what, ratio, target)])

    def single(self, what, value, unit, target):
        shown = f"{value:.1f} {unit}" if value < 100 else f"{value:.0f} {unit}"
        limit = "–" if target is None else f"≤ {target} {unit}"
        self.rows.append([what, shown, "–", "–", limit, self.met(what, value, target)])

    def met(self, what, value, target):
        if target is None:
            return "–"
        if value > target:
            self.missed.append(what)
        return "yes" if value <= target else "**no**"

    def table(self):
        head = ["what", "dayfly", "by hand", "ratio of pairs (range)", "target", "met"]
        rows = [head, ["---"] * len(head), *self.rows]
        widths = [max(len(r[i]) for r in rows) for i in range(len(head))]
        return "\n".join("| " + " | ".join(cell.ljust(w) for cell, w in zip(row, widths)) + " |" for row in rows) + "\n"


def hardware():
    """Processors, memory and system."""
    cpu = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), platform.machine())
    cpus = sum(1 for line in open("/proc/cpuinfo") if line.startswith("processor"))
    memory = next(int(line.split()[1]) for line in open("/proc/meminfo") if line.startswith("MemTotal")) / 1024 / 1024
    system = next((line.split("=", 1)[1].strip().strip('"') for line in open("/etc/os-release") if line.startswith("PRETTY_NAME=")), platform.system())
    return f"{cpus} × {cpu}, {memory:.0f} GiB memory, {system}, Linux {platform.release()}"


def machine(podman, load):
    """What it was measured on."""
    engine, runtime, driver = podman.lines("info", "--format", "{{.Version.Version}} {{.Host.OCIRuntime.Name}} {{.Store.GraphDriverName}}")
    return f"{hardware()}, podman {engine} (rootful, {runtime}, {driver}); load before it began: {load:.1f}"


# Why a target was missed, where that is known; shown only when it was.
LINKS = ("taking a bridge or a container's end of one away takes the kernel some 15 to 35 ms, one after the other, and podman lets "
         "nobody else at its networks meanwhile")
REASONS = {
    "up, 10 services": "beside the networks that are made by hand (13), dayfly makes one from the judges to each service (10), an agent that "
    "joins those, the anchor, and 11 volumes, for each of which podman starts a program to fill it.",
    "up, 2 services": "beside the network and the two folders that are made by hand, dayfly makes two networks from the judges to the "
    "services, an agent, the anchor, and three volumes, for each of which podman starts a program to fill it.",
    "down, 10 services": f"{LINKS}. There are 23 networks with 36 ends, by hand 13 with 26: each service has one more, on which it is judged.",
    "down, 2 services": f"{LINKS}. There are 3 networks with 4 ends, by hand 1 with 2: each service has one more, on which it is judged.",
}


def page(figures, machine, pairs, day):
    missed = [f"- **{what}**: {REASONS.get(what, 'not explained yet.')}" for what in figures.missed]
    remarks = "\n".join(missed) if missed else "Every target was met in this measurement."
    return f"""# Performance

Measured on {day} with `make bench` (`tests/bench/run target/release/dayfly --write` makes this page), on

> {machine}

{figures.table()}
Seconds are medians of {pairs} turns after a warm-up; a turn is `dayfly up`, `dayfly down`, the same by hand. The ratio is
the median of the turns' ratios, so that what else the machine does at the time weighs on both sides. Between
`dayfly up` and `dayfly down` the agent is given the time to remove itself. Images are there beforehand. Peak memory is that of the `dayfly` process (the kernel's `ru_maxrss`).

## What is compared

[tests/bench/by-hand](../tests/bench/by-hand) is written for speed: addresses are chosen beforehand, names are hosts
entries, a service is one `podman run` with all its networks, and starts in the moment in which the last service that
it needs answers, which is asked every 10 ms from within its network. It ends in the same state: an internal network
without gateway and DNS for each pair of caller and callee; not root, read-only root, no capabilities, no new
privileges, limits on memory, processors and processes; the secret as a file. "With less separation" is one network for
each service that is called (7 instead of 13): shorter to type, but callers of the same service reach each other.
It is shown for comparison, without a target.

What it does not do, and dayfly does within its time: check the description, claim the environment against other
runs, note a lease for `reap`, make fresh secrets with a certificate for each service, give suites a place in the
network from which they judge each service, watch for processes that end, say why something did not start, and record
what ran.

[two](../tests/bench/two/environment.yaml) is one service that calls another;
[ten](../tests/bench/ten/environment.yaml) has three layers: 3 services that need nothing, 4 that need those, 3 on top.

## Targets that were missed

{remarks}
"""

