"""Counts against the committed baseline."""

import json
import subprocess

# A count may be that much above or below its baseline.
LIMIT = 0.05

def other_place(here, baseline):
    """What the baseline was counted with, if that was something else: then nothing can be compared."""
    there = baseline["counted_with"]
    return ", ".join(
        f"{key} {there.get(key)} (here {value})" for key, value in here.items() if there.get(key) != value
    )


def faults(counts, baseline):
    """Why the counts do not pass, a line each."""
    known = baseline["instructions"]
    found = [fault(name, count, known.get(name)) for name, count in counts.items()]
    lost = [f"{name}: in the baseline, but not counted." for name in known if name not in counts]
    return [line for line in found if line] + lost


def fault(name, count, known):
    if known is None:
        return f"{name}: not in the baseline yet."
    grown, allowed = count - known, LIMIT * known
    said = f"{name}: {count:,.0f} instructions, {grown / known:+.1%} to the baseline of {known:,}."
    if grown > allowed:
        return f"{said} It costs more: find out why, or say in the commit what it is worth."
    if grown < -allowed:
        return f"{said} It costs less: put that down, so that it cannot be lost unseen."
    return None


def table(counts, baseline):
    rows = ["| | instructions | baseline | change |", "|---|--:|--:|--:|"]
    for name, count in counts.items():
        known = baseline["instructions"].get(name)
        change = f"{known:,} | {count / known - 1:+.1%}" if known else "|"
        rows.append(f"| {name} | {count:,.0f} | {change} |")
    return "\n".join(rows)


def written(counts, here):
    """The baseline as a text."""
    rounded = {name: round(count) for name, count in counts.items()}
    return json.dumps({"counted_with": here, "instructions": rounded}, indent=2) + "\n"


def history(file, root):
    """What the commit, or what is not committed yet, changes in the baseline: for its reviewer.
    Nothing where there is no commit to compare with."""
    name = file.relative_to(root)
    is_edited = git(root, "diff", "--quiet", "HEAD", "--", name).returncode == 1
    before = git(root, "show", f"{'HEAD' if is_edited else 'HEAD^'}:{name}")
    if before.returncode:
        return None
    than = "the last commit's" if is_edited else "the parent commit's"
    return changes(json.loads(before.stdout), json.loads(file.read_text()), than)


def changes(before, after, than):
    old, new = before["instructions"], after["instructions"]
    lines = [f"  {change(name, old.get(name), new.get(name))}" for name in {**old, **new}
             if old.get(name) != new.get(name)]  # fmt: skip
    if before["counted_with"] != after["counted_with"]:
        lines.append(f"  counted with {after['counted_with']} instead of {before['counted_with']}")
    if not lines:
        return f"The baseline is {than}."
    return "\n".join([f"The baseline is not {than}:", *lines])


def change(name, old, new):
    if old is None:
        return f"{name}: {new:,}, new"
    if new is None:
        return f"{name}: {old:,}, removed"
    return f"{name}: {old:,} -> {new:,} ({new / old - 1:+.1%})"


def git(root, *words):
    return subprocess.run(["git", *map(str, words)], cwd=root, capture_output=True, text=True)
