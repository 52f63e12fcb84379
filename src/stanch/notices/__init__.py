"""A finished investigation -> whom to warn, with which words, and drafts of the notices due."""

from __future__ import annotations

from stanch.notices.folder import open_documents
from stanch.notices.shop import Shop, load_shop
from stanch.notices.write import prepare_folder, write_notices

__all__ = ["Shop", "load_shop", "open_documents", "prepare_folder", "write_notices"]
