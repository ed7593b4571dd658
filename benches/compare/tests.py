#!/usr/bin/env python3
"""Tests of what the comparison refuses and concludes: benches/compare/tests.py. They start no proxy."""

import shutil
import socket
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path
from unittest import mock

sys.dont_write_bytecode = True

import gateway
import goals
import load
import machine
import quiet
import report
import scenarios
import stages
from scenarios import Goal, Scenario


class Refused(unittest.TestCase):
    """Control: `quiet` and `stages.possible_connections`."""

    def test_a_stray_process_is_named_and_refused(self):
        with tempfile.TemporaryDirectory() as folder:
            stray = Path(folder) / "h2load"
            shutil.copy(shutil.which("sleep"), stray)
            process = subprocess.Popen([stray, "60"])
            try:
                await_name(process.pid, "h2load")
                with self.assertRaisesRegex(machine.Problem, rf"h2load \({process.pid}\)"):
                    quiet.need_no_strays(are_allowed=False)
                with mock.patch.object(machine, "say"):
                    quiet.need_no_strays(are_allowed=True)
            finally:
                process.kill()
                process.wait()

    def test_a_port_that_somebody_would_share_is_refused(self):
        with socket.socket() as other:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            other.bind(("127.0.0.1", 0))
            other.listen()
            port = other.getsockname()[1]
            with self.assertRaisesRegex(machine.Problem, f"port {port} is taken"):
                quiet.need_free_ports([port])
        quiet.need_free_ports([port])

    def test_too_few_open_files_are_refused(self):
        with mock.patch.object(machine, "open_files", return_value=4096):
            with self.assertRaisesRegex(machine.Problem, "ulimit -Hn 20200"):
                stages.possible_connections(10_000)
        with mock.patch.object(machine, "open_files", return_value=20_200):
            self.assertEqual(stages.possible_connections(10_000), 10_000)


class Told(unittest.TestCase):
    """Control: `load.told`."""

    def test_answers_that_are_not_good_are_refused(self):
        with self.assertRaisesRegex(machine.Problem, "did not answer http1 well"):
            self.tell("http1", "500 requests in 3s\n Non-2xx or 3xx responses: 1")
        self.tell("http1", "500 requests in 3s")

    def test_a_request_that_was_let_in_is_no_refusal(self):
        self.tell("refuse-421", "500 requests in 3s\n Non-2xx or 3xx responses: 500")
        with self.assertRaisesRegex(machine.Problem, "refused 499"):
            self.tell("refuse-421", "500 requests in 3s\n Non-2xx or 3xx responses: 499")

    def test_a_pace_that_was_not_kept_is_refused(self):
        with self.assertRaisesRegex(machine.Problem, "not 5000"):
            self.tell("steady", "500 requests in 3s")

    def tell(self, name, said):
        (scenario,) = (s for s in scenarios.usual() if s.name == name)
        proxy = mock.Mock()
        load.told(scenario, proxy, load.Look(0, 0, 500, 3.0), said)


class Concluded(unittest.TestCase):
    def test_ratios_are_taken_inside_a_repetition(self):
        # Of all medians the ratio would be 1.
        samples = [sample("a", n, "nginx", value) for n, value in enumerate([10, 20, 40])]
        samples += [sample("a", n, "domicile", value) for n, value in enumerate([20, 10, 20])]
        self.assertEqual(goals.ratios(samples, "a", "domicile", "nginx"), [2, 0.5, 0.5])
        self.assertIn("0.50, met, and the stretch", self.verdict(samples, "proxy", "nginx", 1.0, 0.6))
        self.assertIn("0.50, met", self.verdict(samples, "proxy", "nginx", 1.0, 0.4))
        self.assertIn("0.50, missed", self.verdict(samples, "proxy", "nginx", 0.4, 0.3))

    def test_growth_is_beside_the_gateways_own_figure(self):
        samples = [sample("few", n, "domicile", 10) for n in range(3)]
        samples += [sample("a", n, "domicile", 12) for n in range(3)]
        self.assertIn("1.20, missed", self.verdict(samples, "scenario", "few", 1.1, 1.0))

    def test_a_difference_and_a_value_are_no_ratios(self):
        samples = [sample("a", 0, "relay", 4.0), sample("a", 0, "domicile", 4.25)]
        self.assertIn("0.25, met", self.verdict(samples, "over", "relay", 0.5, 0.2))
        self.assertIn("4.25, missed", self.verdict(samples, "value", None, 4.0, 2.0))

    def test_a_table_has_a_row_for_each_proxy_that_was_measured(self):
        samples = [sample("a", 0, "nginx", 10), sample("a", 0, "domicile", 15)]
        table = report.table([scenario("proxy", "nginx", 1.0, 0.5)], samples).splitlines()
        self.assertEqual(len([line for line in table if line.startswith("| A |")]), 2)
        self.assertIn("≤ 1.00 of nginx: 1.50, missed", table[3])
        self.assertEqual({line.count("|") for line in table[:4]}, {10})

    def verdict(self, samples, *goal):
        return goals.verdict(scenario(*goal), samples).text

    def test_labels_of_a_series_come_in_any_order(self):
        self.assertEqual(gateway.in_order('a{y="1",x="2"}'), 'a{x="2",y="1"}')
        self.assertEqual(gateway.in_order("a"), "a")


def await_name(pid, name):
    """The kernel names a process a moment after its program was found."""
    deadline = time.monotonic() + 10
    while Path(f"/proc/{pid}/comm").read_text().strip() != name:
        assert time.monotonic() < deadline


def scenario(*goal):
    return Scenario("a", "A", None, ["nginx", "relay", "domicile"], Goal(*goal))


def sample(name, repetition, proxy, value):
    return load.Sample(name, repetition, proxy, value, 100, 1.0, 0.0, 0)


if __name__ == "__main__":
    unittest.main()
