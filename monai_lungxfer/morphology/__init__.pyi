from .bridges import cut_bridges as cut_bridges
from .bridges import part_in_use as part_in_use
from .cleaning import (
    CleanLungs as CleanLungs,
)
from .cleaning import (
    CleanLungsd as CleanLungsd,
)
from .cleaning import (
    clean_lungs as clean_lungs,
)
from .cleaning import (
    fill_holes as fill_holes,
)
from .cleaning import (
    keep_lungs as keep_lungs,
)
from .lungs import (
    binary_mask as binary_mask,
)
from .lungs import (
    count_bridges as count_bridges,
)
from .lungs import (
    count_islands as count_islands,
)
from .lungs import (
    counting_step as counting_step,
)
from .lungs import (
    lungs_among as lungs_among,
)
from .lungs import (
    lungs_by_side as lungs_by_side,
)
from .lungs import (
    piece_areas as piece_areas,
)
from .lungs import (
    two_cores as two_cores,
)
