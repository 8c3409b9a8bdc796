"""Reads template.yaml, as written or as `sam build` leaves it.

It is the only list of routes, functions, queues and schedules: nothing in `local/` repeats it.
"""

import json
from collections.abc import Mapping
from datetime import UTC, tzinfo
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from local.intrinsics import Intrinsics, TemplateError, read_yaml
from local.resources import (
    ACCOUNT_ID,
    REGION,
    AsyncPolicy,
    Authorizer,
    Cors,
    EventSource,
    Function,
    HttpApi,
    Queue,
    Route,
    ScheduledCall,
    Template,
)
from local.schedules import ScheduleError, parse_schedule

__all__ = ["TemplateError", "load_template"]

STACK_NAME = "tandem-local"
UNRESERVED_CONCURRENCY = 10
"""Instances of a function that reserves none; AWS would share the account's 1,000."""

_FUNCTION = "AWS::Serverless::Function"
_LAYER = "AWS::Serverless::LayerVersion"
_HTTP_API = "AWS::Serverless::HttpApi"
_QUEUE = "AWS::SQS::Queue"
_SECRET = "AWS::SecretsManager::Secret"  # noqa: S105 - a resource type
_QUEUE_ATTRIBUTES = ("VisibilityTimeout", "MessageRetentionPeriod", "DelaySeconds")


def load_template(
    path: Path,
    *,
    parameters: Mapping[str, str] | None = None,
    aws_endpoint: str = "http://127.0.0.1:8104",
) -> Template:
    """The template with parameters and references resolved.

    Args:
        path: template.yaml, or `.aws-sam/build/template.yaml`; code paths are relative to it.
        parameters: values that override the template's defaults.
        aws_endpoint: where SQS answers, for queue URLs.

    Raises:
        TemplateError: something the local stack cannot follow.
    """
    try:
        document = read_yaml(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise TemplateError(f"{path} does not exist") from error
    reader = _Reader(document, path.parent.resolve(), aws_endpoint)
    reader.intrinsics = Intrinsics(
        parameters=_parameters(document, parameters or {}),
        mappings=document.get("Mappings") or {},
        conditions=document.get("Conditions") or {},
        references=reader.reference,
    )
    return reader.read()


def _parameters(
    document: dict[str, Any], overrides: Mapping[str, str]
) -> dict[str, str | list[str]]:
    declared = document.get("Parameters") or {}
    unknown = set(overrides) - set(declared)
    if unknown:
        raise TemplateError(f"the template has no parameter {', '.join(sorted(unknown))}")
    values: dict[str, str | list[str]] = {
        "AWS::Region": REGION,
        "AWS::AccountId": ACCOUNT_ID,
        "AWS::StackName": STACK_NAME,
        "AWS::StackId": f"arn:aws:cloudformation:{REGION}:{ACCOUNT_ID}:stack/{STACK_NAME}/local",
        "AWS::Partition": "aws",
        "AWS::URLSuffix": "amazonaws.com",
    }
    for name, definition in declared.items():
        if name not in overrides and "Default" not in definition:
            raise TemplateError(f"parameter {name} has no default and was not given")
        text = str(overrides.get(name, definition.get("Default")))
        is_list = "List" in definition.get("Type", "")
        values[name] = [item.strip() for item in text.split(",")] if is_list else text
    return values


class _Reader:
    """Turns the document into a Template."""

    intrinsics: Intrinsics

    def __init__(self, document: dict[str, Any], root: Path, aws_endpoint: str) -> None:
        self._resources: dict[str, Any] = document.get("Resources") or {}
        self._globals: dict[str, Any] = document.get("Globals") or {}
        self._root = root
        self._aws_endpoint = aws_endpoint

    def read(self) -> Template:
        functions = self._of_type(_FUNCTION, merged_with="Function")
        queues = {name: self._queue(name, props) for name, props in self._of_type(_QUEUE).items()}
        secrets = self._of_type(_SECRET)
        built = {name: self._function(name, props) for name, props in functions.items()}
        events = [
            (built[function_id], name, event["Type"], event.get("Properties") or {})
            for function_id, props in functions.items()
            for name, event in (props.get("Events") or {}).items()
        ]
        sources = [(f, props) for f, _, kind, props in events if kind == "SQS"]
        return Template(
            functions=built,
            api=self._api([(f.logical_id, p) for f, _, kind, p in events if kind == "HttpApi"]),
            queues=queues,
            event_sources=tuple(self._event_source(f, props, queues) for f, props in sources),
            schedules=tuple(
                self._scheduled(f.logical_id, name, props)
                for f, name, kind, props in events
                if kind in ("Schedule", "ScheduleV2")
            ),
            secret_names={name: props.get("Name", name) for name, props in secrets.items()},
        )

    def reference(self, logical_id: str, attribute: str | None) -> str:
        """Names as AWS makes them; the secret's ARN lacks its random end, as the API allows."""
        kind = (self._resources.get(logical_id) or {}).get("Type")
        if kind is None:
            raise TemplateError(f"the template refers to {logical_id}, which it does not define")
        name = self._name_of(logical_id, kind)
        if kind == _QUEUE and attribute is None:
            return f"{self._aws_endpoint}/{ACCOUNT_ID}/{name}"
        if kind == _QUEUE and attribute == "Arn":
            return f"arn:aws:sqs:{REGION}:{ACCOUNT_ID}:{name}"
        if kind == _SECRET:
            return f"arn:aws:secretsmanager:{REGION}:{ACCOUNT_ID}:secret:{name}"
        if kind == _FUNCTION and attribute is not None:
            return f"arn:aws:lambda:{REGION}:{ACCOUNT_ID}:function:{name}"
        return name

    def _name_of(self, logical_id: str, kind: str) -> str:
        names = {_QUEUE: "QueueName", _SECRET: "Name", _FUNCTION: "FunctionName"}
        properties = self._resources[logical_id].get("Properties") or {}
        return str(self.intrinsics.resolve(properties.get(names.get(kind, ""))) or logical_id)

    def _of_type(self, kind: str, *, merged_with: str | None = None) -> dict[str, dict[str, Any]]:
        shared = self._globals.get(merged_with, {}) if merged_with else {}
        return {
            name: self.intrinsics.resolve(_merge(shared, resource.get("Properties") or {}))
            for name, resource in self._resources.items()
            if resource["Type"] == kind
        }

    def _function(self, logical_id: str, props: dict[str, Any]) -> Function:
        try:
            code_dir = self._root / props["CodeUri"]
            handler = str(props["Handler"])
        except KeyError as error:
            raise TemplateError(f"{logical_id} has no {error.args[0]}") from error
        variables = (props.get("Environment") or {}).get("Variables") or {}
        snap_start = (props.get("SnapStart") or {}).get("ApplyOn") == "PublishedVersions"
        return Function(
            logical_id=logical_id,
            code_dir=code_dir,
            handler=handler,
            python_path=(code_dir, *(self._layer(ref) for ref in props.get("Layers") or [])),
            timeout_seconds=int(props.get("Timeout", 3)),
            memory_mb=int(props.get("MemorySize", 128)),
            reserved_concurrency=int(
                props.get("ReservedConcurrentExecutions", UNRESERVED_CONCURRENCY)
            ),
            environment={name: _text(value) for name, value in variables.items()},
            version="1" if props.get("AutoPublishAlias") else "$LATEST",
            snap_start=snap_start,
            log_format=(props.get("LoggingConfig") or {}).get("LogFormat", "Text"),
            asynchronous=self._async_policy(props.get("EventInvokeConfig") or {}),
        )

    def _async_policy(self, props: dict[str, Any]) -> AsyncPolicy:
        known = AsyncPolicy()
        target = (props.get("DestinationConfig") or {}).get("OnFailure") or {}
        return AsyncPolicy(
            retries=int(props.get("MaximumRetryAttempts", known.retries)),
            max_age_seconds=int(props.get("MaximumEventAgeInSeconds", known.max_age_seconds)),
            on_failure_id=self._queue_of(target["Destination"]) if target else None,
        )

    def _layer(self, logical_id: str) -> Path:
        resource = self._resources.get(logical_id) or {}
        if resource.get("Type") != _LAYER:
            raise TemplateError(f"layer {logical_id} is not a layer of the template")
        content = self._root / str(self.intrinsics.resolve(resource["Properties"]["ContentUri"]))
        built = content / "python"
        return built if built.is_dir() else content

    def _api(self, events: list[tuple[str, dict[str, Any]]]) -> HttpApi | None:
        apis = self._of_type(_HTTP_API, merged_with="HttpApi")
        if not apis:
            return None
        if len(apis) > 1:
            raise TemplateError("the local gateway serves one HTTP API, and the template has more")
        props = next(iter(apis.values()))
        auth = props.get("Auth") or {}
        authorizers = {
            name: _authorizer(name, definition, self._function_of)
            for name, definition in (auth.get("Authorizers") or {}).items()
        }
        default = auth.get("DefaultAuthorizer")
        routes = [_route(function_id, event, default) for function_id, event in events]
        for route in routes:
            if route.authorizer is not None and route.authorizer not in authorizers:
                raise TemplateError(f"{route.key} names authorizer {route.authorizer}, not defined")
        cors = props.get("CorsConfiguration")
        return HttpApi(
            stage=props.get("StageName", "$default"),
            routes=tuple(routes),
            authorizers=authorizers,
            cors=_cors(cors) if isinstance(cors, dict) else None,
        )

    def _function_of(self, arn: str) -> str:
        for name in self._of_type(_FUNCTION):
            if self.reference(name, "Arn") == arn:
                return name
        raise TemplateError(f"no function of the template has the ARN {arn}")

    def _queue(self, logical_id: str, props: dict[str, Any]) -> Queue:
        redrive = props.get("RedrivePolicy") or {}
        target = redrive.get("deadLetterTargetArn")
        return Queue(
            logical_id=logical_id,
            name=props.get("QueueName", logical_id),
            attributes={name: str(props[name]) for name in _QUEUE_ATTRIBUTES if name in props},
            dead_letter_id=self._queue_of(target) if target else None,
            max_receive_count=int(redrive["maxReceiveCount"]) if redrive else None,
        )

    def _queue_of(self, arn: str) -> str:
        for name, resource in self._resources.items():
            if resource["Type"] == _QUEUE and self.reference(name, "Arn") == arn:
                return name
        raise TemplateError(f"no queue of the template has the ARN {arn}")

    def _event_source(
        self, function: Function, props: dict[str, Any], queues: Mapping[str, Queue]
    ) -> EventSource:
        scaling = (props.get("ScalingConfig") or {}).get("MaximumConcurrency")
        return EventSource(
            function_id=function.logical_id,
            queue_id=queues[self._queue_of(props["Queue"])].logical_id,
            batch_size=int(props.get("BatchSize", 10)),
            partial_failures="ReportBatchItemFailures"
            in (props.get("FunctionResponseTypes") or []),
            concurrency=min(function.reserved_concurrency, int(scaling or 1000)),
        )

    @staticmethod
    def _scheduled(function_id: str, name: str, props: dict[str, Any]) -> ScheduledCall:
        expression = props.get("ScheduleExpression") or props.get("Schedule") or ""
        zone_name = props.get("ScheduleExpressionTimezone")
        zone: tzinfo = ZoneInfo(zone_name) if zone_name else UTC
        try:
            schedule = parse_schedule(expression, zone=zone)
        except ScheduleError as error:
            raise TemplateError(f"schedule {name} of {function_id}: {error}") from error
        return ScheduledCall(name, function_id, schedule, str(props.get("Input") or "{}"))


def _authorizer(name: str, definition: dict[str, Any], function_of: Any) -> Authorizer:
    if not definition.get("EnableSimpleResponses"):
        raise TemplateError(f"authorizer {name}: only simple responses are known here")
    identity = definition.get("Identity") or {}
    sources = [f"$request.header.{header}" for header in identity.get("Headers") or []]
    sources += [f"$request.querystring.{item}" for item in identity.get("QueryStrings") or []]
    sources += [f"$context.{item}" for item in identity.get("Context") or []]
    return Authorizer(
        name, function_of(definition["FunctionArn"]), tuple(sources), _ttl(name, identity)
    )


def _ttl(name: str, identity: dict[str, Any]) -> int:
    # Without it SAM sends no TTL at all, and what then holds is easily misread.
    if "ReauthorizeEvery" not in identity:
        raise TemplateError(f"authorizer {name}: say ReauthorizeEvery, 0 for no cache")
    return int(identity["ReauthorizeEvery"])


def _route(function_id: str, event: dict[str, Any], default: str | None) -> Route:
    authorizer = (event.get("Auth") or {}).get("Authorizer", default)
    return Route(
        method=str(event.get("Method", "ANY")).upper().replace("*", "ANY"),
        path=event.get("Path", "$default"),
        function_id=function_id,
        authorizer=None if authorizer == "NONE" else authorizer,
    )


def _cors(props: dict[str, Any]) -> Cors:
    max_age = props.get("MaxAge")
    return Cors(
        origins=tuple(props.get("AllowOrigins") or ()),
        methods=tuple(props.get("AllowMethods") or ()),
        headers=tuple(props.get("AllowHeaders") or ()),
        expose_headers=tuple(props.get("ExposeHeaders") or ()),
        max_age_seconds=None if max_age is None else int(max_age),
        credentials=bool(props.get("AllowCredentials", False)),
    )


def _merge(shared: Any, own: Any) -> Any:
    """SAM's merge of Globals: maps key by key, lists appended, anything else replaced."""
    if isinstance(shared, dict) and isinstance(own, dict):
        keys = {**shared, **own}
        return {
            key: _merge(shared.get(key), own[key]) if key in own else shared[key] for key in keys
        }
    if isinstance(shared, list) and isinstance(own, list):
        return [*shared, *own]
    return own


def _text(value: Any) -> str:
    return json.dumps(value) if isinstance(value, bool | dict | list) else str(value)
