"""A run's answer with what stands behind it, hashed and signed; and the check that nothing was changed."""

from __future__ import annotations

from stanch.bundle.check import Checked, check_bundle
from stanch.bundle.contents import Contents, open_bundle
from stanch.bundle.keys import Signer, load_signer, make_passing_signer
from stanch.bundle.manifest import Manifest
from stanch.bundle.write import BundleRequest, Origin, write_bundle

__all__ = [
    "BundleRequest",
    "Checked",
    "Contents",
    "Manifest",
    "Origin",
    "Signer",
    "check_bundle",
    "load_signer",
    "make_passing_signer",
    "open_bundle",
    "write_bundle",
]
