from .files import (
    as_setting as as_setting,
)
from .files import (
    bundle_metadata as bundle_metadata,
)
from .files import (
    bundle_names as bundle_names,
)
from .files import (
    bundle_path as bundle_path,
)
from .files import (
    bundles_root as bundles_root,
)
from .files import (
    export_bundle as export_bundle,
)
from .redaction import redact_paths as redact_paths
from .redaction import redact_weights as redact_weights
from .references import (
    absolute_reference as absolute_reference,
)
from .references import (
    names_weights as names_weights,
)
from .references import (
    resolve_weights as resolve_weights,
)
from .stages import Stage as Stage
from .stages import stage_for_bundle as stage_for_bundle
from .stages import stage_named as stage_named
from .workflow import Watcher as Watcher
from .workflow import bundle_workflow as bundle_workflow
from .workflow import run_bundle as run_bundle
