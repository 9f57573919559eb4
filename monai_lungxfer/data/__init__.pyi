from .cache import MemoryDataset as MemoryDataset
from .cache import SpilledDataset as SpilledDataset
from .cache import decoded_dataset as decoded_dataset
from .checks import Problem as Problem
from .checks import ProblemKind as ProblemKind
from .checks import check_datalist as check_datalist
from .datalist import data_root as data_root
from .datalist import hash_dataset as hash_dataset
from .datalist import load_datalist as load_datalist
from .datalist import save_datalist as save_datalist
from .lgg import find_lgg_folder as find_lgg_folder
from .lgg import load_lgg as load_lgg
from .partition import Split as Split
from .partition import check_apart as check_apart
from .partition import check_shares as check_shares
from .partition import make_split as make_split
from .partition import shared_patients as shared_patients
from .records import Record as Record
from .records import check_mask_conventions as check_mask_conventions
from .records import image_name as image_name
from .records import mask_convention as mask_convention
from .records import path_below as path_below
from .records import read_json as read_json
from .records import relative_records as relative_records
from .records import resolve_records as resolve_records
from .partition import (
    Split as Split,
)
    check_apart as check_apart,
)
    checked_shares as checked_shares,
)
    make_split as make_split,
)
    shared_patients as shared_patients,
)
from .records import (
    image_name as image_name,
)
    path_below as path_below,
)
    read_json as read_json,
)
    relative_records as relative_records,
)
    resolve_records as resolve_records,
)
from .rehearsal import balance_views as balance_views
from .rehearsal import rehearsal_records as rehearsal_records
from .splits import check_same_data as check_same_data
from .splits import ensure_split as ensure_split
from .splits import load_sections as load_sections
from .splits import load_split as load_split
from .splits import save_split as save_split
from .stratify import assign_patients as assign_patients
