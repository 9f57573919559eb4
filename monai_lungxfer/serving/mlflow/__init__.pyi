from .guard import RequestError as RequestError
from .model import LungModel as LungModel
from .packaging import input_example as input_example
from .packaging import pyfunc_arguments as pyfunc_arguments
from .rows import read_row as read_row
from .settings import Settings as Settings
