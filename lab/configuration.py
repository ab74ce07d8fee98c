"""The configuration of the lab's servers: templates with production timings, filled in and scaled."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any, Final

import yaml

from lab.ports import HOST, Ports
from lab.scaling import scaled_yaml

if TYPE_CHECKING:
    from lab.scaling import Scale

# libyaml's are ten times as fast; not every build of PyYAML has them.
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_Dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)

TEMPLATES: Final = Path(__file__).parent / "config"
BOARDS: Final = Path(__file__).parent / "grafana"
REPLICAS: Final = ("replica-1", "replica-2", "replica-3")
PROXIES: Final = ("paddle", "deepseek_hf", "vision", "redis", "postgres")

PROMETHEUS: Final = "prometheus.yml"
ALERTMANAGER: Final = "alertmanager.yml"
HAPROXY: Final = "haproxy.cfg"
TOXIPROXY: Final = "toxiproxy.json"
GRAFANA: Final = "grafana"
"""The folder of Grafana's dashboards and provisioning."""


def rule_files() -> tuple[str, ...]:
    """Give the names of the rule files, relative to the configuration folder."""
    return tuple(sorted(f"rules/{path.name}" for path in (TEMPLATES / "rules").glob("*.yml")))


def grafana_files() -> tuple[str, ...]:
    """Give the names of Grafana's dashboards and provisioning files, relative to the configuration folder."""
    paths = (path for path in BOARDS.rglob("*") if path.suffix in {".json", ".yml"})
    return tuple(sorted(f"{GRAFANA}/{path.relative_to(BOARDS)}" for path in paths))


def rendered(ports: Ports, scale: Scale) -> dict[str, str]:
    """Give every configuration file of a healthy lab: name relative to the configuration folder, and text."""
    files = {
        PROMETHEUS: _yaml_file(
            PROMETHEUS,
            scale,
            replicas=", ".join(f'"{HOST}:{ports.replica(name)}"' for name in REPLICAS),
            haproxy=f"{HOST}:{ports.haproxy_stats}",
            **{
                name: f"{HOST}:{getattr(ports, name)}"
                for name in ("redis_exporter", "postgres_exporter", "toxiproxy", "alertmanager", "prometheus")
            },
        ),
        ALERTMANAGER: _yaml_file(ALERTMANAGER, scale, receiver=ports.url("receiver")),
        HAPROXY: _haproxy_file(ports),
        TOXIPROXY: _toxiproxy_file(ports),
    }
    for name in rule_files():
        # Not a template: `$labels` and `$value` in annotations are Prometheus' own.
        document = parsed((TEMPLATES / name).read_text(encoding="utf-8"))
        files[name] = dumped(scaled_yaml(document, scale))
    for name in grafana_files():
        files[name] = (BOARDS / name.removeprefix(f"{GRAFANA}/")).read_text(encoding="utf-8")
    return files


def parsed(text: str) -> Any:
    """Read a YAML document."""
    return yaml.load(text, Loader=_Loader)  # noqa: S506 - one of the two safe loaders


def dumped(document: object) -> str:
    """Write a YAML document, keys in the order in which they are."""
    text: str = yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1000)
    return text


def fingerprint(text: str) -> str:
    """Give a short name for a text, different for different texts."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def with_fingerprint(haproxy_text: str) -> str:
    """Fill in the fingerprint by which a running HAProxy tells its configuration; the text has `$fingerprint`."""
    return Template(haproxy_text).safe_substitute(fingerprint=fingerprint(haproxy_text))


def _template(name: str, **values: object) -> str:
    return Template((TEMPLATES / name).read_text(encoding="utf-8")).substitute(values)


def _yaml_file(name: str, scale: Scale, **values: object) -> str:
    return dumped(scaled_yaml(parsed(_template(name, **values)), scale))


def _haproxy_file(ports: Ports) -> str:
    return _template(
        HAPROXY,
        fingerprint="$fingerprint",  # stays, see with_fingerprint
        front=ports.front,
        stats=ports.haproxy_stats,
        replica_1=ports.replica_1,
        replica_2=ports.replica_2,
        replica_3=ports.replica_3,
    )


def _toxiproxy_file(ports: Ports) -> str:
    proxies = [
        {
            "name": name,
            "listen": f"{HOST}:{getattr(ports, f'{name}_proxied')}",
            "upstream": f"{HOST}:{getattr(ports, name)}",
            "enabled": True,
        }
        for name in PROXIES
    ]
    return json.dumps(proxies, indent=2)
