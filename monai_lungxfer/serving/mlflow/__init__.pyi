from .model import LungModel as LungModel
from .model import RequestError as RequestError
from .packaging import pyfunc_arguments as pyfunc_arguments
from .rows import read_row as read_row
from .settings import Settings as Settings
from .signature import input_example as input_example
