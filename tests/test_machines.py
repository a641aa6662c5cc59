"""The table of machines is sourced and plausible; figures that cannot be are refused."""

import math

import pytest

from einlab import dtypes
from einlab.config import config
from einlab.errors import ArgumentError, EinlabError, FileError
from einlab.machines import Machine, machine_for, machines, machines_from, users_file

NAMES = [machine.name for machine in machines()]


@pytest.mark.parametrize("name", NAMES)
def test_every_figure_is_in_its_unit_and_has_a_source(name):
    machine = machine_for(name)
    assert machine.source
    assert machine.read
    assert 10e9 < machine.bandwidth < 20e12, "bytes a second"
    assert 1e9 < machine.memory < 10e12, "bytes"
    assert all(1e12 < rate < 1e16 for rate in machine.peak.values()), "FLOPs a second"
    for dtype in machine.peak:
        assert dtype == "tf32" or dtypes.dtype_name(dtype) == dtype
    fastest = max(machine.peak.values()) / machine.bandwidth
    assert 5 < fastest < 2500, "ridge point in FLOPs a byte"
    if machine.cache is not None:
        assert 1e6 < machine.cache < machine.memory


@pytest.mark.parametrize("name", NAMES)
def test_a_narrower_dtype_is_never_slower(name):
    peak = machine_for(name).peak
    order = ["float64", "float32", "tf32", "bfloat16", "float8_e4m3fn"]
    rates = [peak[dtype] for dtype in order if dtype in peak]
    assert rates == sorted(rates)


def test_ridge_points_are_the_published_ones():
    # Austin et al. 2025, "How to Scale Your Model": 240 for TPU v5e, 298 for H100 with 1e15 FLOP/s.
    assert machine_for("TPU v5e").ridge("bfloat16") == pytest.approx(240, rel=0.003)
    assert machine_for("H100 SXM").ridge("bfloat16") == pytest.approx(298, rel=0.02)
    # The three cards of 312 TFLOP/s: 2.039, 1.935 and 1.555 TB/s.
    ridges = [
        machine_for(f"A100 {card}").ridge("bfloat16")
        for card in ("80GB SXM", "80GB PCIe", "40GB SXM")
    ]
    assert [round(ridge or 0) for ridge in ridges] == [153, 161, 201]


def test_a_name_is_known_however_it_is_spelled():
    assert machine_for("h100_sxm") is machine_for("H100 SXM") is machine_for("H100-SXM")


def test_an_unknown_name_gets_the_nearest_ones():
    with pytest.raises(ArgumentError, match=r"unknown machine 'H101 SXM'; did you mean H100 SXM"):
        machine_for("H101 SXM")


def test_float32_products_run_in_tf32_unless_the_precision_forbids_it():
    a100 = machine_for("A100 80GB SXM")
    assert a100.rate("float32") == a100.peak["tf32"]
    assert (
        a100.rate("float32", "highest") == a100.peak["float32"] == a100.rate("complex64", "highest")
    )
    assert machine_for("TPU v4").rate("float64") is None


@pytest.mark.parametrize(
    "figures",
    [
        {"peak": {}},
        {"peak": {"float32": -1.0}},
        {"bandwidth": 0.0},
        {"bandwidth": math.nan},
        {"memory": math.inf},
        {"memory": "80GB"},
        {"launch": -1e-6},
        {"cache": True},
        {"kind": "quantum"},
    ],
)
def test_impossible_figures_are_refused_by_name(figures):
    (field,) = figures
    valid = {"peak": {"float32": 1e12}, "bandwidth": 1e11, "memory": 1e10}
    with pytest.raises(EinlabError, match=f"machine 'mine'.*{field}"):
        Machine("mine", **{**valid, **figures})


def test_a_users_file_has_the_form_of_the_table(tmp_path):
    mine = tmp_path / "mine.toml"
    mine.write_text('[[machine]]\nname="mine"\npeak={float32=1e12}\nbandwidth=1e11\nmemory=1e10\n')
    assert machines_from(mine) == (Machine("mine", {"float32": 1e12}, 1e11, 1e10),)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[[machine", "no TOML"),
        ("x = 1", r"no \[\[machine\]\] tables"),
        ('[[machine]]\nname="a"\npeak={float32=1}\nbandwidth=1', "has no memory"),
        ('[[machine]]\nname="a"\nbandwith=1', "has 'bandwith'; did you mean 'bandwidth'"),
    ],
)
def test_a_damaged_file_is_refused_with_its_name(tmp_path, text, complaint):
    mine = tmp_path / "mine.toml"
    mine.write_text(text)
    with pytest.raises(FileError, match=complaint) as caught:
        machines_from(mine)
    assert "mine.toml" in str(caught.value)


def test_a_missing_file_is_refused():
    with pytest.raises(FileError, match="cannot be read"):
        machines_from("/nowhere/at/all.toml")


@pytest.mark.parametrize(
    ("figures", "complaint"),
    [
        ({"peak": {"float32": 1.0}, "bandwidth": 1e12}, "units of giga or tera"),
        ({"peak": {"float32": 1e15}, "bandwidth": 900.0}, "units of giga or tera"),
        ({"cache": 2e10}, "the cache is the smaller one"),
    ],
)
def test_figures_that_cannot_stand_beside_each_other_are_refused(figures, complaint):
    valid = {"peak": {"float32": 1e12}, "bandwidth": 1e11, "memory": 1e10}
    with pytest.raises(ArgumentError, match=complaint):
        Machine("mine", **{**valid, **figures})


def test_a_users_own_file_is_found_by_name(tmp_path, monkeypatch):
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    place = users_file("linux", {"XDG_CONFIG_HOME": str(tmp_path)})
    place.parent.mkdir()
    place.write_text(
        '[[machine]]\nname="My box"\npeak={float32=1e12}\nbandwidth=1e11\nmemory=1e10\n'
    )
    assert machine_for("my-box").bandwidth == 1e11
    place.write_text("[[machine]]\nname='My box'\n")
    with pytest.raises(FileError, match="has no peak, bandwidth and memory"):
        machine_for("T4")


@pytest.mark.parametrize(
    ("platform", "environ", "place"),
    [
        ("linux", {}, ".config/einlab/machines.toml"),
        ("linux", {"XDG_CONFIG_HOME": "relative"}, ".config/einlab/machines.toml"),
        ("darwin", {}, "Library/Application Support/einlab/machines.toml"),
        ("win32", {"APPDATA": "C:/Users/x/AppData/Roaming"}, "Roaming/einlab/machines.toml"),
    ],
)
def test_the_users_file_lies_where_the_platform_keeps_settings(platform, environ, place):
    assert users_file(platform, environ).as_posix().endswith(place)


def test_here_says_how_to_calibrate_where_nothing_was(tmp_path):
    with config.using(cache_dir=tmp_path), pytest.raises(ArgumentError, match="einlab calibrate"):
        machine_for("here")


@pytest.mark.parametrize(
    "wanted",
    """A100 40GB SXM, A100 40GB PCIe, A100 80GB SXM, A100 80GB PCIe, H100 SXM, H100 PCIe, H200 SXM,
    B200, L4, T4, V100 SXM2, RTX 4090, TPU v4, TPU v5e, TPU v5p, TPU v6e, MI300X, Apple M1,
    EPYC 9654, Xeon 8480+""".replace("\n   ", "").split(", "),
)
def test_the_table_has_the_devices_that_people_use(wanted):
    assert machine_for(wanted).name == wanted
