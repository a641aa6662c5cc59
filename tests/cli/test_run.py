"""`einlab run` contracts what is in files, and leaves no half-written file behind."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from numpy.typing import NDArray

from einlab.cli import output, run
from tests.cli.calling import call

A = np.arange(12, dtype=np.float32).reshape(3, 4)
B = np.arange(20, dtype=np.float32).reshape(4, 5)


@pytest.fixture(autouse=True)
def _files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    np.save("a.npy", A)
    np.save("b.npy", B)
    np.savez("ab.npz", left=A, right=B)


@pytest.mark.parametrize(
    "files",
    [("a.npy", "b.npy"), ("ab.npz",), ("ab.npz:left", "ab.npz:right"), ("ab.npz:left", "b.npy")],
)
def test_the_product_of_files_is_written_whichever_way_they_hold_it(
    files: tuple[str, ...],
) -> None:
    done = call("run", "ij,jk->ik", *files, "-o", "c.npy")
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "wrote c.npy\n")
    np.testing.assert_array_equal(np.load("c.npy"), A @ B)


def test_a_result_may_go_into_an_archive() -> None:
    assert call("run", "ij,jk->ik", "ab.npz", "--output", "c.npz").exit_code == 0
    np.testing.assert_array_equal(np.load("c.npz")["result"], A @ B)


def test_a_stored_plan_is_run_as_it_is() -> None:
    made = call("plan", "ij,jk->ki", "--shape", "3,4", "--shape", "4,5", "--json")
    Path("plan.json").write_text(made.stdout, encoding="utf-8")
    done = call("run", "--plan", "plan.json", "a.npy", "b.npy", "-o", "c.npy", "--json")
    assert done.exit_code == 0, done.stderr
    np.testing.assert_array_equal(np.load("c.npy"), (A @ B).T)
    facts = json.loads(done.stdout)["facts"]
    assert facts["shape"]["value"] == "5×3"
    assert facts["dtype"]["value"] == "float32"


def test_a_result_in_a_dtype_that_npy_lacks_is_stored_exactly_in_a_wider_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    product = (A @ B).astype(ml_dtypes.bfloat16)

    def contracted(*_: object) -> tuple[NDArray[Any], float]:
        return product, 0.0

    monkeypatch.setattr(run, "_contract", contracted)
    done = call("run", "ij,jk->ik", "ab.npz", "-o", "c.npy")
    assert "bfloat16" in done.stderr
    np.testing.assert_array_equal(np.load("c.npy"), product.astype(np.float32))


def test_sixty_four_bits_are_narrowed_with_a_word_about_it() -> None:
    np.save("wide.npy", A.astype(np.float64))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        done = call("run", "ij->ji", "wide.npy", "-o", "c.npy")
    assert "--x64 keeps 64" in done.stderr
    assert np.load("c.npy").dtype == np.float32


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (("ij,jk->ik", "a.npy", "b.npy"), "--output"),
        (("ij,jk->ik", "a.npy", "b.npy", "-o", "c.txt"), "neither .npy nor .npz"),
        (("ij,jk->ik", "a.npy", "b.npy", "-o", "none/c.npy"), "no folder 'none'"),
        (("ij,jk->ik", "-o", "c.npy"), "a file for each operand"),
        (("--plan", "p.json", "a.npy", "-o", "c.npy", "--seed", "1"), "--seed"),
    ],
)
def test_wrong_usage_exits_with_2(args: tuple[str, ...], told: str) -> None:
    done = call("run", *args)
    assert done.exit_code == 2
    assert told in done.stderr


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (("ij,jk->ik", "a.npy", "a.npy"), "index 'j'"),
        (("ij,jk->iz", "a.npy", "b.npy"), "'z'"),
        (("ij,jk->ik", "a.npy"), "operand"),
        (("ij,jk->ik", "a.npy", "missing.npy"), "missing.npy"),
        (("--plan", "missing.json", "a.npy", "b.npy"), "missing.json"),
        (("--plan", "a.npy", "a.npy", "b.npy"), "a.npy"),
        (("--plan", "half.json", "a.npy", "b.npy"), "JSON"),
        (("--plan", "other.json", "a.npy", "b.npy"), "plan"),
    ],
)
def test_bad_input_exits_with_3_and_nothing_is_written(args: tuple[str, ...], told: str) -> None:
    Path("half.json").write_text('{"format": "einlab.plan", "ver')
    Path("other.json").write_text('{"format": "something"}')
    before = sorted(Path.cwd().iterdir())
    done = call("run", *args, "-o", "c.npy")
    assert (done.exit_code, done.stdout) == (3, "")
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert sorted(Path.cwd().iterdir()) == before


def test_a_plan_for_other_shapes_exits_with_3_and_shows_both() -> None:
    made = call("plan", "ij,jk->ik", "--shape", "3,4", "--shape", "4,6", "--json")
    Path("plan.json").write_text(made.stdout, encoding="utf-8")
    done = call("run", "--plan", "plan.json", "a.npy", "b.npy", "-o", "c.npy")
    assert done.exit_code == 3
    assert "(4, 6)" in done.stderr
    assert "(4, 5)" in done.stderr


def test_a_limit_that_cannot_be_kept_exits_with_4() -> None:
    done = call("run", "ij,jk->ik", "a.npy", "b.npy", "-o", "c.npy", "--memory-limit", "8B")
    assert done.exit_code == 4
    assert not Path("c.npy").exists()


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_write_that_breaks_off_leaves_the_old_file_and_no_draft(
    error: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    np.save("c.npy", np.zeros(3))
    before = sorted(Path.cwd().iterdir())

    def half(path: Path, _: object) -> None:
        path.write_bytes(b"half")
        raise error

    monkeypatch.setattr(run, "write_array", half)
    done = call("run", "ij,jk->ik", "a.npy", "b.npy", "-o", "c.npy")
    assert done.exit_code == (1 if isinstance(error, OSError) else 130)
    assert ("No space left" if isinstance(error, OSError) else "interrupted") in done.stderr
    assert sorted(Path.cwd().iterdir()) == before
    np.testing.assert_array_equal(np.load("c.npy"), np.zeros(3))


def test_text_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "t.svg"
    target.write_text("old")
    with pytest.raises(UnicodeEncodeError):
        output.write_text(target, "new \ud800")
    assert target.read_text() == "old"
    assert not list(tmp_path.glob("*.part"))
