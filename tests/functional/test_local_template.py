"""What the local stack reads out of a SAM template."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from local.resources import Authorizer, Cors, Route
from local.runtime.credentials import TEST_CREDENTIALS, RuntimeAddress
from local.runtime.environment import RuntimeOptions, function_environment
from local.template import TemplateError, load_template

ROOT = Path(__file__).parents[2]
PROBE = ROOT / "tests" / "fixtures" / "probe" / "template.yaml"
FUNCTION = {"Type": "AWS::Serverless::Function", "Properties": {"CodeUri": "c", "Handler": "a.b"}}


def write(folder: Path, **resources: Any) -> Path:
    path = folder / "template.yaml"
    path.write_text(yaml.safe_dump({"Resources": resources}))
    return path


def function(**properties: Any) -> dict[str, Any]:
    return {**FUNCTION, "Properties": {**FUNCTION["Properties"], **properties}}


def test_every_intrinsic_of_the_environment_is_resolved() -> None:
    template = load_template(PROBE, aws_endpoint="http://127.0.0.1:9")
    assert template.functions["EchoFunction"].environment == {
        "GREETING": "hello",
        "TABLE_ADDRESS": "http://example.invalid",
        "QUEUE_URL": "http://127.0.0.1:9/123456789012/WorkQueue",
        "QUEUE_ARN": "arn:aws:sqs:us-east-1:123456789012:WorkQueue",
        "SECRET_ARN": "arn:aws:secretsmanager:us-east-1:123456789012:secret:tandem-local/probe",
        "JOINED": "a-hello-us-east-1-tiny",
    }


def test_no_function_that_is_deployed_has_keys_in_its_environment(tmp_path: Path) -> None:
    options = RuntimeOptions(log_dir=tmp_path, home_dir=tmp_path)
    address = RuntimeAddress("127.0.0.1:9", "test-token")
    functions = load_template(ROOT / "template.yaml").functions
    assert functions
    for function in functions.values():
        environment = function_environment(function, options, address=address, instance=1)
        assert not TEST_CREDENTIALS.keys() & environment.keys(), function.logical_id
        assert environment["AWS_CONTAINER_AUTHORIZATION_TOKEN"] == "test-token"
        uri = environment["AWS_CONTAINER_CREDENTIALS_FULL_URI"]
        assert uri == "http://127.0.0.1:9/credentials"


def test_parameters_change_conditions_maps_and_values() -> None:
    template = load_template(PROBE, parameters={"Size": "large", "Greeting": "hi"})
    environment = template.functions["EchoFunction"].environment
    assert environment["JOINED"] == "a-hi-us-east-1-big"
    assert environment["LEFT_OUT"] == "here"
    assert template.functions["SleepFunction"].timeout_seconds == 9


def test_globals_are_merged_under_a_functions_own_properties() -> None:
    functions = load_template(PROBE).functions
    assert functions["EchoFunction"].timeout_seconds == 5
    assert functions["SleepFunction"].timeout_seconds == 2
    assert functions["GateFunction"].memory_mb == 256
    assert functions["GateFunction"].version == "1"
    assert functions["EchoFunction"].version == "$LATEST"
    assert functions["HookFunction"].snap_start is True
    assert functions["EchoFunction"].reserved_concurrency == 3


def test_routes_have_their_authorizer_unless_the_template_says_none() -> None:
    api = load_template(PROBE).api
    assert api is not None
    assert api.stage == "$default"
    assert api.routes == (
        Route("GET", "/echo/{name}", "EchoFunction", "Gate"),
        Route("POST", "/open", "EchoFunction", None),
    )
    sources = ("$request.header.Authorization",)
    assert api.authorizers == {"Gate": Authorizer("Gate", "GateFunction", sources, 60)}
    assert api.cors == Cors(
        origins=("http://localhost:5173", "http://127.0.0.1:5173"),
        methods=("GET", "POST"),
        headers=("authorization",),
        max_age_seconds=300,
    )


def test_queues_event_sources_secrets_and_schedules_are_read() -> None:
    template = load_template(PROBE)
    work = template.queues["WorkQueue"]
    assert work.attributes == {"VisibilityTimeout": "1"}
    assert (work.dead_letter_id, work.max_receive_count) == ("DeadQueue", 2)
    (source,) = template.event_sources
    assert (source.function_id, source.queue_id) == ("WorkerFunction", "WorkQueue")
    assert (source.batch_size, source.partial_failures, source.concurrency) == (5, True, 2)
    assert template.secret_names == {"ProbeSecret": "tandem-local/probe"}
    (call,) = template.schedules
    assert (call.function_id, call.payload) == ("WorkerFunction", '{"nightly": true}')
    friday = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
    due = call.schedule.next_after(friday)
    assert due is not None
    assert due.astimezone(UTC) == datetime(2026, 11, 22, 22, 0, tzinfo=UTC)


def test_a_source_layer_is_its_folder_and_a_built_one_its_python_folder(tmp_path: Path) -> None:
    layer = {"Type": "AWS::Serverless::LayerVersion", "Properties": {"ContentUri": "Shared"}}
    path = write(tmp_path, F=function(Layers=[{"Ref": "Shared"}]), Shared=layer)
    assert load_template(path).functions["F"].python_path == (tmp_path / "c", tmp_path / "Shared")
    (tmp_path / "Shared" / "python").mkdir(parents=True)
    assert load_template(path).functions["F"].python_path[1] == tmp_path / "Shared" / "python"


def test_the_templates_own_file_is_readable_whole() -> None:
    template = load_template(ROOT / "template.yaml")
    assert template.api is not None
    named = {route.function_id for route in template.api.routes}
    named |= {authorizer.function_id for authorizer in template.api.authorizers.values()}
    named |= {source.function_id for source in template.event_sources}
    named |= {call.function_id for call in template.schedules}
    assert named <= set(template.functions)


def test_a_visibility_timeout_can_be_changed_without_another_template() -> None:
    template = load_template(PROBE).with_visibility({"WorkQueue": 7})
    assert template.queues["WorkQueue"].visibility_seconds == 7
    assert template.queues["DeadQueue"].visibility_seconds == 30
    with pytest.raises(TemplateError, match="no queue Elsewhere"):
        template.with_visibility({"Elsewhere": 7})


def test_plans_are_made_daily_or_as_the_parameter_says_and_the_queue_feeds_the_job() -> None:
    friday = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
    parameters: list[dict[str, str]] = [{}, {"ConsolidationSchedule": "rate(5 minutes)"}]
    due = []
    for given in parameters:
        template = load_template(ROOT / "template.yaml", parameters=given)
        [plan] = [call for call in template.schedules if call.function_id == "PlanFunction"]
        due.append(plan.schedule.next_after(friday))
    assert due == [
        datetime(2026, 11, 21, 3, 17, tzinfo=UTC),
        datetime(2026, 11, 20, 12, 5, tzinfo=UTC),
    ]
    [source] = [one for one in template.event_sources if one.function_id == "ConsolidateFunction"]
    assert (source.queue_id, source.concurrency) == ("ConsolidationQueue", 2)
    assert source.partial_failures
    assert template.queues["ConsolidationQueue"].dead_letter_id == "ConsolidationDeadLetterQueue"


@pytest.mark.parametrize(
    ("resources", "said"),
    [
        ({"F": function(Environment={"Variables": {"A": {"Ref": "Nobody"}}})}, "Nobody"),
        ({"F": function(Environment={"Variables": {"A": {"Fn::Base64": "x"}}})}, "Fn::Base64"),
        ({"F": function(Layers=[{"Ref": "G"}]), "G": FUNCTION}, "layer G"),
        ({"F": {**FUNCTION, "Properties": {"CodeUri": "c"}}}, "F has no Handler"),
        (
            {
                "F": function(
                    Events={
                        "E": {
                            "Type": "ScheduleV2",
                            "Properties": {"ScheduleExpression": "cron(* * * * *)"},
                        }
                    }
                )
            },
            "schedule E of F: cron needs 6 fields",
        ),
    ],
)
def test_what_cannot_be_followed_is_named(
    tmp_path: Path, resources: dict[str, Any], said: str
) -> None:
    with pytest.raises(TemplateError, match=said):
        load_template(write(tmp_path, **resources))


def api_with(authorizer: dict[str, Any], **event: Any) -> dict[str, Any]:
    auth = {"Authorizers": {"Gate": authorizer}}
    route = {"Type": "HttpApi", "Properties": {"Path": "/a", "Method": "get", **event}}
    return {
        "Api": {"Type": "AWS::Serverless::HttpApi", "Properties": {"Auth": auth}},
        "F": function(Events={"E": route}),
    }


GATE = {"FunctionArn": {"Fn::GetAtt": ["F", "Arn"]}, "EnableSimpleResponses": True}


@pytest.mark.parametrize(
    ("resources", "said"),
    [
        (api_with({**GATE, "Identity": {"Headers": ["A"]}}), "say ReauthorizeEvery"),
        (api_with({**GATE, "EnableSimpleResponses": False}), "only simple responses"),
        (api_with({**GATE, "FunctionArn": "arn:other"}), "no function"),
        (
            api_with({**GATE, "Identity": {"ReauthorizeEvery": 0}}, Auth={"Authorizer": "Other"}),
            "names authorizer Other",
        ),
    ],
)
def test_an_authorizer_that_cannot_be_followed_is_named(
    tmp_path: Path, resources: dict[str, Any], said: str
) -> None:
    with pytest.raises(TemplateError, match=said):
        load_template(write(tmp_path, **resources))


def test_an_unknown_parameter_and_a_missing_file_are_named(tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match="no parameter Colour"):
        load_template(PROBE, parameters={"Colour": "red"})
    with pytest.raises(TemplateError, match=r"nothing.yaml does not exist"):
        load_template(tmp_path / "nothing.yaml")
