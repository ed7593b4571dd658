"""What was aimed at, and whether it was met."""

import statistics
from dataclasses import asdict, dataclass


@dataclass
class Verdict:
    scenario: str
    text: str
    # The gateway's, median of the repetitions.
    reached: float
    at_most: float
    stretch: float
    is_met: bool


def verdict(scenario, samples):
    goal = scenario.goal
    values = beside(goal, scenario.name, samples) if goal else []
    if not values:
        return None
    reached = round(statistics.median(values), 2)
    is_met = reached <= goal.at_most
    said = "met" if is_met else "missed"
    if reached <= goal.stretch:
        said = f"met, and the stretch {goal.stretch:.2f}"
    names = {"proxy": f" of {goal.beside}", "scenario": f" of {goal.beside}",
             "over": f" {scenario.unit} over {goal.beside}", "value": f" {scenario.unit}"}  # fmt: skip
    text = f"≤ {goal.at_most:.2f}{names[goal.kind]}: {reached:.2f}, {said}"
    return Verdict(scenario.name, text, reached, goal.at_most, goal.stretch, is_met)


def beside(goal, scenario, samples):
    """The gateway's figure, ratio or difference, of each repetition."""
    own = figures(samples, scenario, "domicile")
    if goal.kind == "value":
        return list(own.values())
    if goal.kind == "scenario":
        other = figures(samples, goal.beside, "domicile")
    else:
        other = figures(samples, scenario, goal.beside)
    both = [(own[n], other[n]) for n in own.keys() & other.keys()]
    if goal.kind == "over":
        return [a - b for a, b in both]
    return [a / b for a, b in both]


def figures(samples, scenario, proxy):
    """By repetition."""
    return {s.repetition: s.value for s in samples if (s.scenario, s.proxy) == (scenario, proxy)}


def ratios(samples, scenario, proxy, other):
    """Taken inside a repetition."""
    own, others = figures(samples, scenario, proxy), figures(samples, scenario, other)
    return [own[n] / others[n] for n in sorted(own.keys() & others.keys())]


def plain(verdicts):
    return [asdict(verdict) for verdict in verdicts]
