from .distributed import (
    GlobalBatchLoss as GlobalBatchLoss,
)
from .distributed import (
    GlobalBatchNorm2d as GlobalBatchNorm2d,
)
from .distributed import (
    leave_process_group as leave_process_group,
)
from .distributed import (
    shares_need_padding as shares_need_padding,
)
from .distributed import (
    synchronise_batch_norm as synchronise_batch_norm,
)
from .progress import TrainingProgress as TrainingProgress
from .stage import (
    StageFolder as StageFolder,
)
from .stage import (
    TransferResult as TransferResult,
)
from .stage import (
    evaluate_stage as evaluate_stage,
)
from .stage import (
    stage_data as stage_data,
)
from .stage import (
    train_stage as train_stage,
)
from .stage import (
    transfer_stages as transfer_stages,
)
from .transfer_report import (
    make_phantoms as make_phantoms,
)
from .transfer_report import (
    write_showcase as write_showcase,
)
from .transfer_report import (
    write_tables as write_tables,
)
