from .description import describe_network as describe_network
from .description import describe_weights as describe_weights
from .description import is_own_network as is_own_network
from .donor_unet import DonorUNet as DonorUNet
from .efficient_unet import EfficientUNet as EfficientUNet
from .freezing import frozen_layers as frozen_layers
