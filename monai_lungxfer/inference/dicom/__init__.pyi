from .attributes import read_number as read_number
from .attributes import read_text as read_text
from .attributes import valid_text as valid_text
from .dicomweb import check_url as check_url
from .dicomweb import fetch_study as fetch_study
from .dicomweb import store_instances as store_instances
from .refusals import Refusals as Refusals
from .secondary_capture import secondary_capture_overlay as secondary_capture_overlay
from .segmentation import (
    equipment as equipment,
)
from .segmentation import (
    lung_segmentation as lung_segmentation,
)
from .segmentation import (
    result_uids as result_uids,
)
from .segmentation import (
    save_dicom_seg as save_dicom_seg,
)
from .source import (
    SourceImage as SourceImage,
)
from .source import (
    derived_uid as derived_uid,
)
from .source import (
    read_source as read_source,
)
from .source import (
    save_dicom as save_dicom,
)
from .source import (
    source_image as source_image,
)
from .store_scu import Archive as Archive
from .store_scu import send as send
