"""Plain CloudFormation from a SAM template, offline."""

import copy
from typing import Any

from samtranslator.model.exceptions import InvalidDocumentException
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

__all__ = ["TranslationError", "parse", "translate"]

_CODE = {"AWS::Serverless::Function": "CodeUri", "AWS::Serverless::LayerVersion": "ContentUri"}


class TranslationError(ValueError):
    """SAM refuses the template; the text is SAM's."""


class _NoManagedPolicies:
    """Policies by AWS's names would need a call to IAM; the template uses none."""

    def load(self) -> dict[str, str]:
        return {}


def parse(text: str) -> dict[str, Any]:
    """The template's YAML with short intrinsics (`!Ref`) in their long form.

    Raises:
        TranslationError: not a YAML mapping with resources.
    """
    try:
        document = yaml_parse(text)
    except Exception as error:  # the parser raises what PyYAML and it like
        raise TranslationError(f"not readable as YAML: {error}") from error
    if not isinstance(document, dict) or not isinstance(document.get("Resources"), dict):
        raise TranslationError("no Resources")
    return document


def translate(source: dict[str, Any]) -> dict[str, Any]:
    """What CloudFormation would get after `sam package`; references to parameters are kept.

    Raises:
        TranslationError: SAM refuses the template.
    """
    document = copy.deepcopy(source)
    for logical_id, resource in document["Resources"].items():
        key = _CODE.get(resource.get("Type"))
        if key and isinstance(resource.get("Properties", {}).get(key), str):
            resource["Properties"][key] = f"s3://artifacts/{logical_id}.zip"
    # SAM would write defaults in the place of references, and cfn-lint could not see them used.
    defaults = {
        name: definition.pop("Default")
        for name, definition in (document.get("Parameters") or {}).items()
        if "Default" in definition
    }
    try:
        processed = Translator(_NoManagedPolicies().load(), Parser(), None).translate(document, {})
    except InvalidDocumentException as error:
        causes = "; ".join(cause.message for cause in error.causes)
        raise TranslationError(causes or error.message) from error
    for name, value in defaults.items():
        processed["Parameters"][name]["Default"] = value
    return dict(processed)
