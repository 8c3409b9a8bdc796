"""What Google writes into the body of a refusal, as far as it changes what we do about it.

    {"error": {"code": 400, "status": "INVALID_ARGUMENT", "message": "...", "details": [
        {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID", ...},
        {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "2.5s"}]}}

Google tells a wrong key, and a plan that doesn't reach here, with status 400, and how long to wait
in the body alone.
"""

import math
import re
from typing import Any, Final

from pydantic import ValidationError

from tandem.clients.failures import Told
from tandem.clients.provider_model import Items, ProviderModel
from tandem.clients.retries import LONGEST_RETRY_AFTER_SECONDS

_ABOUT_US: Final = frozenset({"API_KEY_INVALID"})
_PLAN: Final = "FAILED_PRECONDITION"
_SECONDS: Final = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)s", re.ASCII)


class _Detail(ProviderModel):
    reason: str = ""
    retry_delay: str = ""

    @classmethod
    def _reshape(cls, data: dict[str, Any]) -> dict[str, Any]:
        return {"reason": data.get("reason", ""), "retry_delay": data.get("retryDelay", "")}


class _Error(ProviderModel):
    status: str = ""
    details: Items[_Detail] = ()


class _Refusal(ProviderModel):
    error: _Error


def told(body: bytes) -> Told:
    """What a refusal says beside its status; nothing when it isn't Google's.

    Source: for the envelope google-genai 3.3.0 and captures gemini `20-error-*`; for keys and plans
    Google's page on troubleshooting (API_KEY_INVALID; FAILED_PRECONDITION where billing isn't
    enabled or the region isn't served).
    """
    try:
        error = _Refusal.model_validate_json(body).error
    except ValidationError:
        return Told()
    about_us = error.status == _PLAN or any(one.reason in _ABOUT_US for one in error.details)
    waits = [found for one in error.details if (found := _SECONDS.fullmatch(one.retry_delay))]
    if not waits:
        return Told(about_us)
    return Told(about_us, min(math.ceil(float(waits[0][1])), LONGEST_RETRY_AFTER_SECONDS))
