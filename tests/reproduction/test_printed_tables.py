"""The printed numbers: means that the papers print must be those of their columns."""

import pytest

from posepart.reproduction.printed_tables import PAPERS, SUMMARY, PrintedTable, read_printed


def test_every_table_is_there() -> None:
    assert set(read_printed("xia2017")) == {f"table_{number}" for number in range(1, 5)}
    lip = {
        key.removeprefix("table_").removesuffix("_left").removesuffix("_right") for key in read_printed("lip")
    }
    assert lip >= {str(number) for number in range(1, 13) if number != 7}  # 7 prints layers


@pytest.mark.parametrize(
    ("paper", "key", "tolerance"),
    [
        ("xia2017", "table_1", 0.11),
        ("xia2017", "table_2", 0.16),
        ("xia2017", "table_3", 0.011),
        ("lip", "table_4", 0.011),
        ("lip", "table_9", 0.011),
    ],
)
def test_means_are_those_of_their_columns(paper: str, key: str, tolerance: float) -> None:
    """A number that was copied wrongly moves its row's mean."""
    table = read_printed(paper)[key]
    left_out = {"U-Body", table.columns[-1]}
    for name, numbers in table.rows.items():
        terms = [n for column, n in zip(table.columns, numbers, strict=True) if column not in left_out]
        known = [n for n in terms if n is not None]
        assert sum(known) / len(known) == pytest.approx(numbers[-1], abs=tolerance), name


def test_the_same_numbers_in_several_tables() -> None:
    xia, lip = (read_printed(paper) for paper in PAPERS)
    for name in ("HAZN", "Attention"):
        assert xia["table_3"].rows["Attention"] == lip["table_9"].rows["Attention"], name
    for name, numbers in lip["table_4"].rows.items():
        assert numbers[-1] == lip["table_2"].rows[name][-1] == lip["figure_5"].rows[name][0]
    assert lip["table_12"].rows["Joint + MSC + S1"] == lip["table_3"].rows["JPPNet (with pose info)"]
    assert lip["table_11"].rows["Joint + MSC + S2"] == lip["table_5"].rows["JPPNet (with parsing info)"]
    for name, numbers in lip["table_6"].rows.items():
        assert numbers[-1] == lip["figure_7"].rows[name][0]


def test_the_upper_body_is_the_mean_of_its_four_groups() -> None:
    table = read_printed("xia2017")["table_1"]
    for name, numbers in table.rows.items():
        upper = [n for n in numbers[:4] if n is not None]
        assert sum(upper) / 4 == pytest.approx(numbers[7], abs=0.11), name


def test_a_row_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="t, row ours: expected 2 numbers, got 1"):
        PrintedTable("t", "", "", ("a", "b"), {"ours": (1.0,)})


def test_the_summary_repeats_the_tables() -> None:
    summary = read_printed(SUMMARY)["small"].rows
    xia, lip = (read_printed(paper) for paper in PAPERS)
    names = {"Our model": "Our Model (final)", "Our model (w/o seg)": "Our Model (w/o seg)"}
    for place, table in enumerate(("table_1", "table_2")):
        for name, numbers in summary.items():
            row = xia[table].rows.get(names.get(name, name))
            assert numbers[place] == (None if row is None else row[-1]), name
    parts = {
        "Our model": "Our model (ResNet-101, final)",
        "Our model (w/o pose)": "Our model (ResNet-101, w/o pose)",
    }
    for name, numbers in summary.items():
        row = xia["table_3"].rows.get(parts.get(name, name)) or lip["table_9"].rows.get(
            name.replace("DeepLab", "DeepLab-LargeFOV")
        )
        assert numbers[2] == (None if row is None else row[-1]), name
