from .adapters import Adapter as Adapter
from .adapters import find_adapter as find_adapter
