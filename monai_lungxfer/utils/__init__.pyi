from .allocator import return_freed_memory as return_freed_memory
from .allocator import reuse_freed_memory as reuse_freed_memory
from .errors import BundleError as BundleError
from .errors import DatalistError as DatalistError
from .errors import DownloadError as DownloadError
from .errors import InputFileError as InputFileError
from .errors import LungXferError as LungXferError
from .errors import OutputError as OutputError
from .errors import PlanError as PlanError
from .errors import RegistryError as RegistryError
from .errors import TransferError as TransferError
from .errors import root_cause as root_cause
from .errors import unknown as unknown
from .exit_codes import exit_code as exit_code
from .extras import connected as connected
from .extras import import_extra as import_extra
from .files import atomic_path as atomic_path
from .files import hash_file as hash_file
from .files import hold_lock as hold_lock
from .files import remove_leftovers as remove_leftovers
from .files import staged_folder as staged_folder
from .files import unwritable as unwritable
from .precision import PrecisionInferer as PrecisionInferer
from .precision import autocast_dtype as autocast_dtype
from .precision import best_device as best_device
from .precision import needs_grad_scaler as needs_grad_scaler
from .precision import usable_device as usable_device
from .files import (
    atomic_path as atomic_path,
)
    hash_file as hash_file,
)
    remove_leftovers as remove_leftovers,
)
    staged_folder as staged_folder,
)
    unwritable as unwritable,
)
from .precision import (
    PrecisionInferer as PrecisionInferer,
)
    autocast_dtype as autocast_dtype,
)
    best_device as best_device,
)
    needs_grad_scaler as needs_grad_scaler,
)
    usable_device as usable_device,
)
from .progress import (
    progress_bar as progress_bar,
)
    show_progress as show_progress,
)
from .ray_cluster import connected as connected
from .torch_files import read_checkpoint as read_checkpoint
from .torch_files import save_checkpoint as save_checkpoint
from .versions import code_version as code_version
from .versions import environment as environment
