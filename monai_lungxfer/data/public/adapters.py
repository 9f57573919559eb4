"""The table of the public data sets that can be prepared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from monai_lungxfer.utils.errors import LungXferError


@dataclass(frozen=True)
class Adapter:
    """What is known of a data set before any of it is there.

    Attributes
    ----------
    name : str
        What it is called on the command line.
    title : str
        What it is.
    layout : str
        What the raw folder must hold, in the folder itself or in one below it.
    license : str
        The terms as its authors state them.
    page : str or None
        Where a person finds the data and the terms.
    url : str or None
        A zip archive that may be downloaded without an account; None when it must be downloaded by hand.
    mask_convention : str or None
        By which rules its masks were drawn; None when it has no masks, or does not say.
    collector : str or None
        Module and function in this package that list the raw folder; None for `collect` of the module of its name.
    """

    name: str
    title: str
    layout: str
    license: str
    page: str | None = None
    url: str | None = None
    mask_convention: str | None = None
    collector: str | None = None

    @property
    def collect(self) -> Callable[..., Any]:
        """The function that lists what a raw folder (a path) holds, as a `monai_lungxfer.data.public.item.Collection`.

        It reads no pixels. It raises `DatalistError` when the folder does not have the layout, or a table of it cannot
        be read or lacks a column.
        """
        module, _, function = (self.collector or f"{self.name}.collect").rpartition(".")
        collect: Callable[..., Any] = getattr(import_module(f"{__package__}.{module}"), function)
        return collect


_TABLE = (
    Adapter(
        "lgg",
        "brain MRI slices with FLAIR abnormalities (Buda et al. 2019, TCGA-LGG)",
        "kaggle_3m/TCGA_*/TCGA_*_N.tif with TCGA_*_N_mask.tif",
        "CC BY-NC-SA 4.0",
        page="https://www.kaggle.com/datasets/mateuszbuda/lgg-mri-segmentation",
        mask_convention="flair-abnormality",
    ),
    Adapter(
        "cohen",
        "COVID-19 image data collection (Cohen et al. 2020), frontal radiographs, no masks",
        "metadata.csv next to images/",
        "of each image, in metadata.csv; some allow no commercial use, some are unknown",
        page="https://github.com/ieee8023/covid-chestxray-dataset",
        url="https://github.com/ieee8023/covid-chestxray-dataset/archive/refs/heads/master.zip",
    ),
    Adapter(
        "kermany",
        "paediatric radiographs, normal and pneumonia (Kermany et al. 2018), no masks",
        "chest_xray/{train,test,val}/{NORMAL,PNEUMONIA}/*.jpeg",
        "CC BY 4.0",
        page="https://data.mendeley.com/datasets/rscbjbr9sj/2",
        url=(
            "https://data.mendeley.com/public-files/datasets/rscbjbr9sj/files/"
            "f12eaf6d-6023-432f-acc9-80c9d7393433/file_downloaded"
        ),
    ),
    Adapter(
        "v7",
        "lung annotations of the V7 COVID-19 X-ray dataset",
        "Darwin files *.json and the images they name (in images/), or images with masks/ID.png of 0, 127 and 255",
        "CC BY 4.0 (annotations; the images have the licences of cohen and kermany)",
        page="https://github.com/v7labs/covid-19-xray-dataset",
        url="https://github.com/v7labs/covid-19-xray-dataset/archive/refs/heads/master.zip",
        mask_convention="v7",
    ),
    Adapter(
        "general",
        "images of cohen and kermany with the masks of v7: the general set of the method's paper",
        "the folders cohen/, kermany/ and v7/, each with the layout of its own adapter",
        "of each image (cohen), CC BY 4.0 (kermany, and the masks)",
        mask_convention="v7",
    ),
    Adapter(
        "montgomery",
        "Montgomery County tuberculosis screening (Jaeger et al. 2014)",
        "CXR_png/MCUCXR_*.png, ManualMask/leftMask/ and ManualMask/rightMask/, optionally ClinicalReadings/",
        "terms of the US National Library of Medicine in its read-me: acknowledge the source",
        page="https://lhncbc.nlm.nih.gov/LHC-downloads/downloads.html",
        url="https://openi.nlm.nih.gov/imgs/collections/NLM-MontgomeryCXRSet.zip",
        mask_convention="montgomery",
        collector="tuberculosis.collect_montgomery",
    ),
    Adapter(
        "shenzhen",
        "Shenzhen hospital tuberculosis set (Jaeger et al. 2014), masks by Stirenko et al. 2018",
        "CXR_png/CHNCXR_*.png, CHNCXR_*_mask.png in mask/ (by hand: kaggle.com/datasets/yoctoman/shcxr-lung-mask), "
        "optionally ClinicalReadings/",
        "terms of the US National Library of Medicine in its read-me: acknowledge the source",
        page="https://lhncbc.nlm.nih.gov/LHC-downloads/downloads.html",
        url="https://openi.nlm.nih.gov/imgs/collections/ChinaSet_AllFiles.zip",
        mask_convention="shenzhen",
        collector="tuberculosis.collect_shenzhen",
    ),
    Adapter(
        "jsrt",
        "radiographs with and without lung nodules (JSRT), masks of the SCR database (van Ginneken et al. 2006)",
        "JPCLN*.IMG and JPCNN*.IMG, and fold*/masks/left lung/*.gif and fold*/masks/right lung/*.gif",
        "terms of the JSRT and of the SCR database, which ask for a registration",
        page="http://db.jsrt.or.jp/eng.php and https://www.isi.uu.nl/Research/Databases/SCR/",
        mask_convention="scr",
    ),
    Adapter(
        "hannover",
        "COVID-19 image repository of the Hannover Medical School (Winther et al. 2020), no masks",
        "data.csv next to png/*.png",
        "CC BY 3.0",
        page="https://github.com/ml-workgroup/covid-19-image-repository",
        url="https://github.com/ml-workgroup/covid-19-image-repository/archive/refs/heads/master.zip",
    ),
    Adapter(
        "folder",
        "any images with masks of the same names, one folder for each finding",
        "images/FINDING/NAME.png and masks/FINDING/NAME.png, or FINDING/NAME.png and FINDING/NAME_mask.png",
        "as the user says",
    ),
    Adapter(
        "annotations",
        "any images with what a drawing tool has exported: CVAT, Label Studio, COCO, Darwin, 3D Slicer, DICOM SEG",
        "images, and annotations.xml, *.json, labelmap.txt with SegmentationClass/, NAME.seg.nrrd or DICOM SEG files",
        "as the user says",
        collector="annotations.collect.collect",
    ),
)

OWN = frozenset({"folder", "annotations"})
"""Adapters of any images, which do not say themselves what `monai_lungxfer.data.public.item.Facts` holds."""

ADAPTERS: dict[str, Adapter] = {adapter.name: adapter for adapter in _TABLE}
"""The adapters by name."""


def find_adapter(name: str) -> Adapter:
    """Return the adapter of that name.

    Raises
    ------
    LungXferError
        When there is none.
    """
    if name not in ADAPTERS:
        raise LungXferError(f"there is no data set {name!r}", remedy=f"Choose one of: {', '.join(ADAPTERS)}")
    return ADAPTERS[name]
