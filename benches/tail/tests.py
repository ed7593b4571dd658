#!/usr/bin/env python3
"""Tests of the rate that the tail is measured at, and of what it says of rates that were not kept:
benches/tail/tests.py. They send no call."""

import signal
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

sys.dont_write_bytecode = True
sys.path.insert(1, str(Path(__file__).resolve().parents[1] / "compare"))

import events
import machine
import rate as rates
import steady


def figures(rate, came=None, time=200.0, lag=30.0, failures=0, unanswered=0):
    """Of half a second."""
    return {
        "seconds": 0.5, "requests": int(rate / 2 if came is None else came), "failures": failures,
        "unanswered": unanswered,
        "time": {"p50": time, "p90": time, "p99": time, "p99.9": time, "max": time},
        "lag": {"p50": lag, "p90": lag, "p99": lag, "p99.9": lag, "max": lag},
    }  # fmt: skip


class Faults(unittest.TestCase):
    """Control: `rate.fault`."""

    def test_calls_that_were_sent_and_answered_in_time_have_none(self):
        self.assertIsNone(rates.fault(figures(8_000), 8_000))
        # One more or less at the phase's ends.
        self.assertIsNone(rates.fault(figures(8_000, came=3_990), 8_000))

    def test_each_way_to_miss_a_rate_is_named(self):
        for missed, words in [
            (figures(8_000, came=3_000), "sent 3,000 of the 4,000 calls that were due"),
            (figures(8_000, came=0), "sent 0 of the 4,000"),
            (figures(8_000, lag=1_500.0), r"generator was 1\.5 ms late"),
            (figures(8_000, failures=3, unanswered=1), "4 of 4,000 calls failed"),
            (figures(8_000, time=75_000.0), "calls took 75 ms at p90"),
        ]:
            self.assertRegex(rates.fault(missed, 8_000), words)


class Search(unittest.TestCase):
    """Control: `rate.highest`."""

    def search(self, most, capacity):
        tried = []

        def fault_at(rate):
            tried.append(rate)
            return f"{rate:.0f} is too much" if rate > capacity else None

        return rates.highest(most, fault_at), tried

    def test_what_comes_to_is_found_in_few_looks(self):
        most = 60_000
        for capacity in (7_777, 11_000, 20_000, 26_400, 52_000, 59_999):
            (found, why), tried = self.search(most, capacity)
            self.assertLessEqual(found, capacity)
            self.assertGreater(found * rates.STEP, capacity)
            self.assertLessEqual(len(tried), 5)
            self.assertTrue(why is None or why.endswith("too much"))

    def test_no_more_is_found_than_came_through_without_a_rate(self):
        (found, why), _ = self.search(10_000, 1_000_000)
        self.assertTrue(10_000 / rates.STEP <= found <= 10_000 and why is None)

    def test_where_no_rate_is_kept_none_is_given_and_the_lowest_ones_fault(self):
        (found, why), tried = self.search(8_000, 500)
        self.assertEqual((found, why, tried), (None, "1000 is too much", [1_000.0]))

    def test_it_takes_a_minute_at_most(self):
        """Both scenarios, four ways each: a look without a rate, and these, twice where there was a fault."""
        (found, _), tried = self.search(60_000, 20_000)
        looks = 2 * 4 * (1 + len(tried) + sum(rate > found for rate in tried))
        self.assertLessEqual(looks * (steady.BRIEF + steady.LOOK + 0.15), 60)

    def test_half_of_the_slowest_is_taken(self):
        self.assertEqual(rates.half([30_000, 16_849.3, 21_000]), 8_420)
        self.assertEqual(rates.half([61.7]), 30.9)


class Steady(unittest.TestCase):
    """Control: `Steady.most_through`, and marks in the tables."""

    def bench(self, capacity, closed=40_000):
        bench = steady.Steady(None, [mock.Mock()], mock.Mock(), 1)
        bench.proxies[0].name = "domicile"
        late = lambda rate: 90_000.0 if rate > capacity else 200.0
        bench.look = lambda target, rate=None: figures(rate or closed, time=late(rate or 0))
        return bench

    def test_half_of_what_is_kept_at_a_constant_rate_is_measured_at(self):
        bench = self.bench(16_000)
        with mock.patch.object(machine, "say") as say:
            rate = bench.half("http1")
        self.assertTrue(16_000 / rates.STEP / 2 <= rate <= 8_000, rate)
        self.assertIn(f"measured at {rate:,.0f}/s", say.call_args[0][0])
        self.assertEqual(list(bench.most["http1"]), ["domicile"])

    def test_a_fault_that_does_not_come_again_is_none(self):
        bench, looks = self.bench(16_000), []

        def look(target, rate=None):
            looks.append(rate)
            late = 90_000.0 if rate and looks.count(rate) == 1 else 200.0
            return figures(rate or 40_000, time=late)

        bench.look = look
        with mock.patch.object(machine, "say"):
            self.assertGreater(bench.half("http1"), 40_000 / rates.STEP / 2)

    def test_where_no_rate_is_kept_that_is_said_and_nothing_measured(self):
        with self.assertRaisesRegex(machine.Problem, "http1 through domicile: no rate can be kept"):
            self.bench(1).half("http1")

    def test_figures_of_a_rate_that_was_not_kept_are_marked(self):
        def sample(proxy, fault):
            time = {quantile: 100.0 for quantile in steady.QUANTILES}
            return steady.Sample("tls", 0, proxy, 9_000, time, time, 9, 0, 0, 0.5, 0.0, fault)

        table = steady.table([sample("direct", "it was late"), sample("domicile", None)])
        self.assertIn("| direct† |", table)
        self.assertIn("| domicile |", table)
        self.assertIn("†: the rate was not kept, so nothing can be told; it was late.", table)
        table = steady.table([sample("direct", None), sample("domicile", None)])
        self.assertNotIn("†", table)


class Reload(unittest.TestCase):
    """Control: what changes the gateway's file, and tells it, in `Events.reload`."""

    def test_the_file_is_changed_only_when_the_signal_is_sent(self):
        with tempfile.TemporaryDirectory() as folder:
            config = Path(folder) / "frankfurt" / "gateway.yaml"
            config.parent.mkdir()
            config.write_text("limits: {connections_per_address: 400}\n")
            stage = mock.Mock(home=Path(folder))
            told = []
            process = stage.domicile().process.popen
            process.send_signal.side_effect = lambda number: told.append((number, config.read_text()))
            here = events.Events(stage, 100, 1, 1, 1)
            with mock.patch.object(events, "Load"), mock.patch.object(events, "reloads") as reloads:
                with mock.patch.object(here, "under_load", return_value=[]) as under_load:
                    here.reload()
                (_, _, happen, change), = under_load.call_args[0][0]  # fmt: skip
                reloads.return_value = 7
                before = config.read_text()
                prepared = change()
                self.assertEqual(config.read_text(), before, "else it is taken without the signal")
                seen = happen(prepared)
                reloads.return_value = 8
                self.assertEqual(seen["reloads"](), 1)
            self.assertEqual(told, [(signal.SIGHUP, "limits: {connections_per_address: 401}\n")])
            self.assertLess(seen["signal_after"](), 1)

    def test_what_happened_instead_is_said(self):
        def sample(count):
            return mock.Mock(event="reload", seconds=1.0, seen={"reloads": count, "signal_after": 1.2})

        for count, words in [(0, "did not come to it"), (2, "1200 ms after .* taken it by itself")]:
            with self.assertRaisesRegex(machine.Problem, f"reloads is {count}, not 1: .*{words}"):
                events.must_have([sample(count)], "reloads", 1, events.not_once)
        self.assertTrue(events.must_have([sample(1)], "reloads", 1, events.not_once))


if __name__ == "__main__":
    unittest.main()
