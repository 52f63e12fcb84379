"""One file per log format; `template.py` shows how to add one."""
