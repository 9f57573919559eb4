from .architecture import follow_network as follow_network
from .averaging import average_weights as average_weights
from .imagenet import fetch_imagenet as fetch_imagenet
from .imagenet import imagenet_weights_path as imagenet_weights_path
from .loading import LayerTransfer as LayerTransfer
from .loading import TransferReport as TransferReport
from .loading import load_parent as load_parent
from .loading import load_weights as load_weights
from .loading import read_state_dict as read_state_dict
from .packing import pack_weights as pack_weights
from .pretrained import cache_folder as cache_folder
from .pretrained import donor_weights_path as donor_weights_path
from .pretrained import fetch_donor as fetch_donor
from .loading import (
    LayerTransfer as LayerTransfer,
)
    TransferReport as TransferReport,
)
    load_parent as load_parent,
)
    load_weights as load_weights,
)
    read_state_dict as read_state_dict,
)
from .pretrained import (
    PRETRAINED as PRETRAINED,
)
    PretrainedWeights as PretrainedWeights,
)
    cache_folder as cache_folder,
)
    fetch_weights as fetch_weights,
)
    pretrained_path as pretrained_path,
)
from .saving import checked_name as checked_name
from .saving import save_weights as save_weights
from .sidecar import Sidecar as Sidecar
from .sidecar import copy_sidecar as copy_sidecar
from .sidecar import input_size as input_size
from .sidecar import read_sidecar as read_sidecar
from .sidecar import save_sidecar as save_sidecar
from .sidecar import sidecar_file as sidecar_file
