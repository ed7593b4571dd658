"""The rate that calls are sent at: half of what the generator comes to, at a constant rate."""

from math import sqrt

# A rate is held when nine calls of ten are answered in so many microseconds: where calls come faster
# than they are answered all of them wait ever longer, and a pause of something else makes few wait.
LATE = 20_000

# And when the generator hands nine of ten to connections that rest within so many.
LAG = 1_000

# And when there were so many of the calls that were due.
SHARE = 0.95

# It is looked for between the most that came through when each connection had a call under way all the
# time and this part of it, until it is known to this factor.
RANGE = 1 / 8
STEP = 1.14


def fault(figures, rate):
    """Why such figures are not of calls that were sent, and answered, at that rate; nothing if they are."""
    due, came = rate * figures["seconds"], figures["requests"]
    time, lag = figures["time"]["p90"], figures["lag"]["p90"]
    bad = figures["failures"] + figures["unanswered"]
    if not came or came < SHARE * due:
        return f"the generator sent {came:,} of the {due:,.0f} calls that were due"
    if lag > LAG:
        return f"the generator was {lag / 1000:.1f} ms late at p90"
    if bad:
        return f"{bad:,} of {came:,} calls failed"
    if time > LATE:
        return f"calls took {time / 1000:.0f} ms at p90"
    return None


def highest(most, fault_at):
    """The highest rate up to `most` without a fault, to a factor of STEP, and the fault of the next one
    that was tried. No rate where there is a fault at the lowest already."""
    low, high, why = most * RANGE, most, None
    fault_of_low = fault_at(low)
    if fault_of_low:
        return None, fault_of_low
    while high / low > STEP:
        rate = sqrt(low * high)
        found = fault_at(rate)
        if found:
            high, why = rate, found
        else:
            low = rate
    return low, why


def half(rates):
    """Of the lowest, to three digits."""
    return float(f"{min(rates) / 2:.3g}")


# Figures of a rate that was not kept: they tell how far behind the calls were, and nothing else.
MARK = "†"


def are_marked(faults):
    """Whether most of some repetitions were not at their rate."""
    return sum(map(bool, faults)) * 2 > len(faults)


def told(faults):
    """What is said of the mark, if it was used."""
    words = [fault for fault in faults if fault]
    return f" {MARK}: the rate was not kept, so nothing can be told; {words[-1]}." if words else ""
