"""A CrowdSec of its own in a temporary folder: nginx parsers and HTTP scenarios, nothing of the system's.

Made from what Debian's package `crowdsec` 1.4.6 installs (the hub in /usr/share/crowdsec). It talks to
its local API on 127.0.0.1 only, and to nothing outside.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
from pathlib import Path

HUB = Path("/usr/share/crowdsec/hub")
SYSTEM = Path("/etc/crowdsec")
PARSERS = (
    "s00-raw/crowdsecurity/syslog-logs",
    "s01-parse/crowdsecurity/nginx-logs",
    "s02-enrich/crowdsecurity/dateparse-enrich",
    "s02-enrich/crowdsecurity/http-logs",
)
SCENARIOS = ("http-generic-bf", "http-crawl-non_statics", "http-probing", "http-bad-user-agent")

CONFIG = """
common: {{daemonize: false, log_media: stdout, log_level: error, log_dir: {root}/log, working_dir: .}}
config_paths:
  config_dir: {root}/etc/
  data_dir: {root}/data/
  simulation_path: {root}/etc/simulation.yaml
  hub_dir: {hub}/
  index_path: {hub}/.index.json
  notification_dir: {root}/etc/notifications/
  plugin_dir: /usr/lib/crowdsec/plugins/
crowdsec_service: {{acquisition_path: {root}/etc/acquis.yaml, parser_routines: 1}}
cscli: {{output: human, color: "no"}}
db_config: {{type: sqlite, db_path: {root}/data/crowdsec.db, log_level: error}}
plugin_config: {{user: nobody, group: nogroup}}
api:
  client: {{insecure_skip_verify: false, credentials_path: {root}/etc/credentials.yaml}}
  server:
    log_level: error
    listen_uri: 127.0.0.1:{port}
    profiles_path: {root}/etc/profiles.yaml
    console_path: {root}/etc/console.yaml
prometheus: {{enabled: false}}
"""


def prepare_crowdsec(root: Path) -> Path | None:
    """The configuration file under `root`; None, with the reason printed, if it cannot be made."""
    for folder in (
        "etc/scenarios",
        "etc/postoverflows",
        "etc/collections",
        "etc/notifications",
        "log",
        "data",
    ):
        (root / folder).mkdir(parents=True)
    for name in ("acquis.yaml", "console.yaml"):
        (root / "etc" / name).touch()
    for name in ("profiles.yaml", "simulation.yaml"):
        shutil.copy(SYSTEM / name, root / "etc")
    shutil.copytree(SYSTEM / "patterns", root / "etc/patterns")
    shutil.copytree("/usr/share/crowdsec/data", root / "data", dirs_exist_ok=True)
    for parser in PARSERS:
        target = root / "etc/parsers" / parser.replace("crowdsecurity/", "")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.with_suffix(".yaml").symlink_to(HUB / "parsers" / f"{parser}.yaml")
    for scenario in SCENARIOS:
        link = root / "etc/scenarios" / f"{scenario}.yaml"
        link.symlink_to(HUB / "scenarios/crowdsecurity" / f"{scenario}.yaml")
    config = root / "config.yaml"
    config.write_text(CONFIG.format(root=root, hub=HUB, port=_find_port()), encoding="utf-8")
    command = ["cscli", "-c", str(config), "machines", "add", "bench", "--auto", "--force"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"crowdsec cannot be set up: {done.stderr.strip()[-200:]}")
        return None
    return config


def _find_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
