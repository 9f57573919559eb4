from .donor_unet import DonorUNet as DonorUNet
from .efficient_unet import EfficientUNet as EfficientUNet
from .freezing import frozen_layers as frozen_layers
