from .batch import Runner as Runner
from .batch import predict_files as predict_files
from .batch import segment_tasks as segment_tasks
from .config import InferenceParts as InferenceParts
from .config import load_parts as load_parts
from .folder_images import images_in as images_in
from .folder_images import require_images as require_images
from .image_traits import ImageTraits as ImageTraits
from .image_traits import grey_entropy as grey_entropy
from .image_traits import measure_traits as measure_traits
from .input_search import (
    Found as Found,
)
from .input_search import (
    is_image as is_image,
)
from .input_search import (
    search as search,
)
from .input_search import (
    strip_image_suffix as strip_image_suffix,
)
from .inputs import (
    InputFile as InputFile,
)
from .inputs import (
    distinct_stems as distinct_stems,
)
from .inputs import (
    find_inputs as find_inputs,
)
from .inputs import (
    left_out_because as left_out_because,
)
from .inputs import (
    output_stems as output_stems,
)
from .journal import Journal as Journal
from .mask_names import MaskNames as MaskNames
from .outputs import (
    OutputOptions as OutputOptions,
)
from .outputs import (
    PlannedResult as PlannedResult,
)
from .outputs import (
    check_results as check_results,
)
from .outputs import (
    plan as plan,
)
from .overlay import (
    draw_comparison as draw_comparison,
)
from .overlay import (
    draw_moments as draw_moments,
)
from .overlay import (
    draw_overlay as draw_overlay,
)
from .overlay import (
    save_comparison as save_comparison,
)
from .overlay import (
    save_overlay as save_overlay,
)
from .overlay import (
    thumbnail as thumbnail,
)
from .quality import (
    Measurements as Measurements,
)
from .quality import (
    Thresholds as Thresholds,
)
from .quality import (
    counted_flags as counted_flags,
)
from .quality import (
    find_flags as find_flags,
)
from .quality import (
    measure as measure,
)
from .ray_batch import RayRunner as RayRunner
from .segmenter import (
    ModelIdentity as ModelIdentity,
)
from .segmenter import (
    PreparedRadiograph as PreparedRadiograph,
)
from .segmenter import (
    Segmentation as Segmentation,
)
from .segmenter import (
    Segmenter as Segmenter,
)
from .tables import Prediction as Prediction
from .tables import predictions_document as predictions_document
from .tables import save_tables as save_tables
