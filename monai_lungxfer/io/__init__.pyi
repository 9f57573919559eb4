from .mask_writer import MaskWriter as MaskWriter
from .mask_writer import encode_png as encode_png
from .mask_writer import save_mask as save_mask
from .radiograph import (
    Channels as Channels,
)
from .radiograph import (
    MaskReader as MaskReader,
)
from .radiograph import (
    Radiograph as Radiograph,
)
from .radiograph import (
    RadiographReader as RadiographReader,
)
from .radiograph import (
    as_meta_tensor as as_meta_tensor,
)
from .radiograph import (
    read_mask as read_mask,
)
from .radiograph import (
    read_radiograph as read_radiograph,
)
