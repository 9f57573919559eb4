from .case_pictures import CasePictures as CasePictures
from .case_pictures import draw_case_pictures as draw_case_pictures
from .cases import Case as Case
from .cases import gallery_cases as gallery_cases
from .comparison_tables import arms_table as arms_table
from .comparison_tables import before_after_table as before_after_table
from .formatting import (
    finding_title as finding_title,
)
from .formatting import (
    images_text as images_text,
)
from .formatting import (
    interval_text as interval_text,
)
from .formatting import (
    mean_text as mean_text,
)
from .formatting import (
    metric_decimals as metric_decimals,
)
from .formatting import (
    metric_title as metric_title,
)
from .formatting import (
    number_text as number_text,
)
from .formatting import (
    p_text as p_text,
)
from .formatting import (
    signed_text as signed_text,
)
from .inline import inline_svg as inline_svg
from .inline import picture_data as picture_data
from .page import render_page as render_page
from .paper_tables import (
    independent_table as independent_table,
)
from .paper_tables import (
    paper_table as paper_table,
)
from .paper_tables import (
    stage_test_table as stage_test_table,
)
from .paper_tables import (
    times_table as times_table,
)
from .provenance import environment as environment
from .provenance import limits as limits
from .provenance import plan_text as plan_text
from .summary import (
    Statement as Statement,
)
from .summary import (
    Tile as Tile,
)
from .summary import (
    Verdict as Verdict,
)
from .summary import (
    judge_comparison as judge_comparison,
)
from .summary import (
    statements as statements,
)
from .summary import (
    tiles as tiles,
)
from .table import Cell as Cell
from .table import Table as Table
from .table_cells import (
    comparison_cells as comparison_cells,
)
from .table_cells import (
    interval_cell as interval_cell,
)
from .table_cells import (
    mean_cell as mean_cell,
)
from .table_cells import (
    metric_cell as metric_cell,
)
from .table_cells import (
    number_cell as number_cell,
)
from .table_cells import (
    p_cell as p_cell,
)
from .table_cells import (
    word_cell as word_cell,
)
from .write import (
    WrittenReport as WrittenReport,
)
from .write import (
    study_drawings as study_drawings,
)
from .write import (
    study_tables as study_tables,
)
from .write import (
    write_report as write_report,
)
