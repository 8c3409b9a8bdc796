"""What any chat function with our choice of libraries pays before it does a thing of its own."""

from typing import Any

import agno.agent
import agno.models.google
import agno.workflow
import boto3
import fastapi
import httpx
import mangum
import pg8000.native

LOADED = (agno.agent.Agent, agno.models.google.Gemini, agno.workflow.Workflow, fastapi.FastAPI)
ALSO_LOADED = (httpx.AsyncClient, mangum.Mangum, pg8000.native.Connection)

queue = boto3.client("sqs", region_name="us-east-1")


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Answers without any work."""
    del event, context
    return {"statusCode": 200, "body": "{}"}
