from .configs import (
    check_properties as check_properties,
)
from .configs import (
    check_references as check_references,
)
from .configs import (
    expression_tree as expression_tree,
)
from .configs import (
    read_config as read_config,
)
from .configs import (
    strings_in as strings_in,
)
from .layout import check_files as check_files
from .layout import check_sizes as check_sizes
from .metadata import (
    check_requirements as check_requirements,
)
from .metadata import (
    check_schema as check_schema,
)
from .metadata import (
    check_version as check_version,
)
from .metadata import (
    required_packages as required_packages,
)
from .network import (
    check_exports as check_exports,
)
from .network import (
    check_network as check_network,
)
from .network import (
    check_torchscript as check_torchscript,
)
from .network import (
    check_weights as check_weights,
)
from .outcome import BundleCheck as BundleCheck
from .outcome import Outcome as Outcome
from .run import run_check as run_check
from .run import verify_bundle as verify_bundle
from .targets import check_targets as check_targets
