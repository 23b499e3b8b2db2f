"""The benchmark's table: medians as ratios to glibc's."""

import math
import statistics

SLACK = 1.05    # how far behind the best other allocator a row may be
TITLES = {"wall": "seconds", "cpu": "CPU seconds", "rss": "peak MB"}


def middle(runs, key, choose):
    """The median or minimum over the rounds, None if any of them failed."""
    if not runs or any("failed" in run for run in runs):
        return None
    return choose(run[key] for run in runs)


def geometric_mean(values):
    """Of the values that are there; None for none."""
    logs = [math.log(value) for value in values if value]
    return math.exp(sum(logs) / len(logs)) if logs else None


def ratio(a, b):
    """a / b, where both are there."""
    return a / b if a and b else None


def against_best(by_name, ours="ours"):
    """Our figure over the best of all others, None without one."""
    others = [v for n, v in by_name.items() if n != ours and v]
    return ratio(by_name.get(ours), min(others)) if others else None


def cell(value):
    """A ratio in six columns."""
    return "%6.2f" % value if value else "     -"


def flagged(value):
    """A ratio and a star where it is beyond the slack."""
    return cell(value) + ("*" if value and value > SLACK else " ")


class Table:
    """Rows of ratios, one block of columns for each measure."""

    def __init__(self, samples, groups, names, keys, choose):
        self.groups = groups
        self.names = names
        self.keys = keys
        self.figures = {
            row: {key: {name: middle(runs[name], key, choose)
                        for name in names} for key in keys} for row, runs in samples.items()}

    def ratios(self, row, key):
        """Each allocator's ratio to glibc."""
        figures = self.figures[row][key]
        return {name: ratio(figures[name], figures["glibc"])
                for name in self.names}

    def heading(self):
        """Two lines that name the columns."""
        first = second = " " * 16
        for key in self.keys:
            width = 8 + 6 * (len(self.names) - 1)
            width += 7 if "ours" in self.names else 0
            first += " |%-*s" % (width, " " + TITLES[key])
            second += " |%8s" % "glibc"
            for name in self.names[1:]:
                second += " %5s" % name[:5]
            second += " /best " if "ours" in self.names else ""
        return first.rstrip() + "\n" + second

    def line(self, row):
        """One program."""
        text = "%-16s" % row
        for key in self.keys:
            base = self.figures[row][key]["glibc"]
            text += " |" + ("%8.3f" if key != "rss" else "%8.1f") % (
                base or math.nan)
            ratios = self.ratios(row, key)
            text += "".join(cell(ratios[n]) for n in self.names[1:])
            if "ours" in self.names:
                text += flagged(against_best(self.figures[row][key]))
        return text

    def mean_line(self, title, rows):
        """Geometric means over the rows."""
        text = "%-16s" % title
        for key in self.keys:
            means = {name: geometric_mean(self.ratios(row, key)[name]
                                          for row in rows)
                     for name in self.names}
            text += " |%8.2f" % (means["glibc"] or math.nan)
            text += "".join(cell(means[n]) for n in self.names[1:])
            if "ours" in self.names:
                text += flagged(against_best(means))
        return text

    def in_groups(self, *wanted):
        """The rows of these groups, in order."""
        return [row for row in self.figures if self.groups[row] in wanted]


def failures(samples):
    """A line for each run that failed or printed something else."""
    for row, by_name in samples.items():
        plain = {run.get("output") for run in by_name["glibc"]}
        for name, runs in by_name.items():
            bad = {run["failed"] for run in runs if "failed" in run}
            if bad:
                yield name, "%s: failed under %s: %s" % (
                    row, name, ", ".join(sorted(bad)))
            elif not {run["output"] for run in runs} <= plain:
                yield name, "%s: prints something else under %s" % (row, name)


def metric_lines(samples, names):
    """What programs said themselves, medians, one line a metric."""
    for row, by_name in samples.items():
        good = {name: [run["metrics"] for run in runs if "metrics" in run]
                for name, runs in by_name.items()}
        for metric in (good["glibc"] or [{}])[0]:
            yield "%-28s" % (row + " " + metric) + "".join(
                "%10.0f" % statistics.median(m[metric] for m in good[name])
                if good[name] else "%10s" % "-" for name in names)


def tell(samples, groups, names, keys, choose):
    """Print the tables; 1 when our library failed a row, else 0."""
    table = Table(samples, groups, names, keys, choose)
    print(table.heading())
    for row in table.in_groups("shape", "real", "edge"):
        print(table.line(row))
    for title, wanted in (("mean, all", ("shape", "real")),
                          ("mean, real", ("real",)),
                          ("mean, edge", ("edge",))):
        if table.in_groups(*wanted):
            print(table.mean_line(title, table.in_groups(*wanted)))
    lines = list(metric_lines(samples, names))
    if lines:
        print("\n%-28s" % "metric" + "".join("%10s" % n for n in names))
        print("\n".join(lines))
    status = 0
    for name, line in failures(samples):
        print(line)
        status |= name == "ours"
    return int(status)
