"""What fails, and what is said of it."""

import tempfile
import unittest
from pathlib import Path

import judge

HERE = {"rustc": "1.95.0", "target": "x86_64-unknown-linux-gnu"}
BASELINE = {"counted_with": HERE, "instructions": {"classify": 1_000, "request": 20_000}}


class Judge(unittest.TestCase):
    def faults(self, classify, request=20_000):
        return judge.faults({"classify": classify, "request": request}, BASELINE)

    def test_up_to_five_per_cent_pass_either_way(self):
        for classify in (950, 1_000, 1_050):
            self.assertEqual(self.faults(classify), [])

    def test_more_than_that_is_a_fault_of_the_one_that_grew(self):
        (fault,) = self.faults(1_051)
        self.assertTrue(fault.startswith("classify: 1,051 instructions, +5.1% to the baseline of 1,000."))
        self.assertIn("costs more", fault)
        (fault,) = self.faults(1_000, 21_010)
        self.assertTrue(fault.startswith("request: 21,010"))

    def test_a_gain_has_to_be_put_down(self):
        (fault,) = self.faults(949)
        self.assertIn("costs less", fault)

    def test_both_lists_have_the_same_names(self):
        counts = {"classify": 1_000, "decide": 5_000}
        new, lost = judge.faults(counts, BASELINE)
        self.assertEqual(new, "decide: not in the baseline yet.")
        self.assertEqual(lost, "request: in the baseline, but not counted.")

    def test_another_compiler_is_no_place_to_judge(self):
        self.assertEqual(judge.other_place(HERE, BASELINE), "")
        other = judge.other_place({**HERE, "rustc": "1.96.0"}, BASELINE)
        self.assertEqual(other, "rustc 1.95.0 (here 1.96.0)")


class History(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        self.file = self.root / "baseline.json"
        judge.git(self.root, "init", "--quiet")

    def write(self, classify):
        self.file.write_text(judge.written({"classify": classify}, HERE))

    def commit(self):
        author = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
        judge.git(self.root, "add", "--all")
        done = judge.git(self.root, *author, "commit", "--allow-empty", "--quiet", "--message", "One")
        self.assertEqual(done.returncode, 0, done.stderr)

    def said(self):
        return judge.history(self.file, self.root)

    def test_without_a_commit_before_nothing_is_said(self):
        self.write(1_000)
        self.assertIsNone(self.said())
        self.commit()
        self.assertIsNone(self.said())

    def test_a_commit_is_compared_with_its_parent(self):
        self.write(1_000)
        self.commit()
        self.commit()
        self.assertEqual(self.said(), "The baseline is the parent commit's.")
        self.write(1_100)
        change = "\n  classify: 1,000 -> 1,100 (+10.0%)"
        self.assertEqual(self.said(), f"The baseline is not the last commit's:{change}")
        self.commit()
        self.assertEqual(self.said(), f"The baseline is not the parent commit's:{change}")


if __name__ == "__main__":
    unittest.main()
