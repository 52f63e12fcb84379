"""A page as PDF, laid out by WeasyPrint, which is installed only where asked for."""

from __future__ import annotations

import logging

from stanch.errors import UsageError


def render_pdf(html: str) -> bytes:
    """`html` as a PDF; nothing is fetched.

    Raises:
        UsageError: WeasyPrint or the libraries that it needs are not installed.
    """
    try:
        from weasyprint import HTML
        from weasyprint.urls import URLFetchingError
    except (ImportError, OSError) as error:  # OSError: the package is there, Pango is not
        raise UsageError(
            f"no PDF can be made: {' '.join(str(error).split())[:200]}",
            hint="install stanch[pdf] and, on Debian, libpangoft2-1.0-0 and fonts-noto-cjk; or leave --pdf"
            " out and print the HTML page",
        ) from error
    # It reports what is meant for screens alone as unknown.
    logging.getLogger("weasyprint").setLevel(logging.CRITICAL)
    logging.getLogger("fontTools").setLevel(logging.CRITICAL)

    def refuse(url: str, *_: object, **__: object) -> None:
        raise URLFetchingError(f"not fetched: {url}")

    return bytes(HTML(string=html, url_fetcher=refuse).write_pdf(pdf_variant="pdf/ua-1"))
