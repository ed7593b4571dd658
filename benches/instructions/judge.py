"""Counts against the committed baseline."""

import json
import subprocess

# A count may be that much above or below its baseline.
LIMIT = 0.05

UPDATE = "benches/instructions/run --update"


def check(counts, machine, baseline):
    """Why this does not pass, a line each."""
    known = baseline["instructions"]
    if difference := differences(machine, baseline["machine"]):
        return [], f"NOT JUDGED: the baseline is of {difference}. Nothing is compared."
    faults = [fault for name in counts if (fault := look(name, counts[name], known.get(name)))]
    faults += [f"{name} is in the baseline, but was not counted" for name in known if name not in counts]
    return faults, None


def look(name, count, known):
    if known is None:
        return f"{name} has no baseline"
    change = count / known - 1
    if change > LIMIT:
        return (
            f"{name} takes {count:,.0f} instructions, {change:+.1%} to its baseline of {known:,}: make it "
            "cheaper, or say in the commit why it is worth that and write the baseline anew"
        )
    if change < -LIMIT:
        return (
            f"{name} takes {count:,.0f} instructions, {change:+.1%} to its baseline of {known:,}: write "
            "the baseline anew, so that this gain cannot be lost unseen"
        )
    return None


def differences(here, there):
    return ", ".join(
        f"{there.get(key)} (here it is {here.get(key)})" for key in here if here[key] != there.get(key)
    )


def table(counts, baseline):
    known = baseline["instructions"] if baseline else {}
    lines = ["| instructions | counted | baseline | change |", "|---|--:|--:|--:|"]
    for name, count in counts.items():
        old = known.get(name)
        change = f"{count / old - 1:+.1%}" if old else ""
        lines.append(f"| {name} | {count:,.0f} | {f'{old:,}' if old else ''} | {change} |")
    return "\n".join(lines)


def write(file, counts, machine):
    rounded = {name: round(count) for name, count in counts.items()}
    file.write_text(json.dumps({"machine": machine, "instructions": rounded}, indent=2) + "\n")


def changed(file, root):
    """What this commit changes of the baseline, for whoever reviews it; None without history."""
    name = file.relative_to(root)
    edited = git(root, "diff", "--quiet", "HEAD", "--", name).returncode == 1
    before = git(root, "show", f"{'HEAD' if edited else 'HEAD^'}:{name}")
    if before.returncode:
        return None
    old, new = json.loads(before.stdout)["instructions"], json.loads(file.read_text())["instructions"]
    lines = [
        f"{name}: {old.get(name, 0):,} -> {new.get(name, 0):,}"
        + (f" ({new[name] / old[name] - 1:+.1%})" if name in old and name in new else "")
        for name in {**old, **new}
        if old.get(name) != new.get(name)
    ]
    since = "the last commit" if edited else "the commit before"
    if not lines:
        return f"The baseline is that of {since}."
    return "\n  ".join([f"The baseline differs from that of {since}:", *lines])


def git(root, *words):
    return subprocess.run(["git", *map(str, words)], cwd=root, capture_output=True, text=True)
