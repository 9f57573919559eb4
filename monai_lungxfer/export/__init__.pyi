from .formats import export_formats as export_formats
from .loading import load_exported as load_exported
from .manifest import checked_formats as checked_formats
from .manifest import remaining_formats as remaining_formats
from .manifest import write_manifest as write_manifest
from .tensorrt import check_tensorrt as check_tensorrt
from .tensorrt import engine_path as engine_path
from .weights import install_weights as install_weights
