from .architecture import infer_network as infer_network
from .averaging import average_weights as average_weights
from .imagenet import fetch_imagenet as fetch_imagenet
from .imagenet import imagenet_weights_path as imagenet_weights_path
from .loading import (
    LayerTransfer as LayerTransfer,
)
from .loading import (
    TransferReport as TransferReport,
)
from .loading import (
    load_parent as load_parent,
)
from .loading import (
    load_weights as load_weights,
)
from .loading import (
    read_state_dict as read_state_dict,
)
from .packing import pack_weights as pack_weights
from .pretrained import (
    cache_folder as cache_folder,
)
from .pretrained import (
    donor_weights_path as donor_weights_path,
)
from .pretrained import (
    fetch_donor as fetch_donor,
)
from .saving import checked_name as checked_name
from .saving import save_weights as save_weights
from .sidecar import input_size as input_size
from .sidecar import input_size_file as input_size_file
from .sidecar import save_input_size as save_input_size
