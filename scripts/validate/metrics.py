"""Which metrics an alarm or a dashboard asks for."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_PLACEHOLDER = re.compile(r"\$\{[^}]+\}")


@dataclass(frozen=True)
class Metric:
    """One metric that is asked for; values of dimensions as they stand in the template."""

    namespace: str
    name: str
    dimensions: Mapping[str, Any]


def alarm_metrics(properties: Mapping[str, Any]) -> list[Metric]:
    """What an alarm asks for: one metric, or those that it computes with."""
    asked = [properties] if "MetricName" in properties else []
    for query in properties.get("Metrics") or []:
        if "MetricStat" in query:
            asked.append(query["MetricStat"]["Metric"])
    return [
        Metric(
            str(one.get("Namespace")),
            str(one.get("MetricName")),
            {item["Name"]: item["Value"] for item in one.get("Dimensions") or []},
        )
        for one in asked
    ]


def board_metrics(body: Any) -> list[Metric]:
    """What a dashboard asks for.

    Args:
        body: its JSON, maybe as a Sub. A row is `[namespace, name, dimension, value, …]`, written
            out in full.

    Raises:
        json.JSONDecodeError, KeyError, TypeError, IndexError: it isn't one.
    """
    text = body["Fn::Sub"] if isinstance(body, dict) else body
    board = json.loads(_PLACEHOLDER.sub("x", text))
    found = []
    for widget in board["widgets"]:
        for row in widget["properties"].get("metrics", []):
            names = [item for item in row if isinstance(item, str)]
            pairs = zip(names[2::2], names[3::2], strict=True)
            found.append(Metric(names[0], names[1], dict(pairs)))
    return found
