from __future__ import annotations

from monai_lungxfer.cli.prediction_summary import summary_table
from monai_lungxfer.inference.foreign_objects import FOREIGN_OBJECT
from monai_lungxfer.inference.tables import Prediction


def test_the_summary_counts_objects_apart_from_what_the_reader_says() -> None:
    given = [("a",), (FOREIGN_OBJECT,), ("a", FOREIGN_OBJECT), ()]
    table = summary_table([Prediction(str(number), remarks=remarks) for number, remarks in enumerate(given)])
    counts = dict(zip(table.columns[0].cells, table.columns[1].cells, strict=True))
    assert (counts["with remarks"], counts["with objects"]) == ("2", "2")
    assert "with objects" not in [*summary_table([Prediction("a", remarks=("a",))]).columns[0].cells]
