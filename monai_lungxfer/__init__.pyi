from . import handlers as handlers
from . import metrics as metrics
from . import networks as networks
from . import transforms as transforms
from .bundle.files import bundle_names as bundle_names
from .bundle.files import bundle_path as bundle_path
from .inference.segmentation import Segmentation as Segmentation
from .inference.segmenter import Segmenter as Segmenter
from .io.radiograph import Radiograph as Radiograph
from .io.radiograph import read_mask as read_mask
from .io.radiograph import read_radiograph as read_radiograph

__version__: str
