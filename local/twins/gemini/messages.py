"""The fields of each message that the REST API reads, as its protocol buffers declare them.

A type is a scalar, the name of another message, `*X` for a list, `map X` for an object with keys
of the caller's, `one of A|B` for an enum, or `json` for anything. Names are the JSON ones; the
snake_case form of each is read as well.
"""

from __future__ import annotations

from typing import Final

_TASKS = (
    "one of TASK_TYPE_UNSPECIFIED|RETRIEVAL_QUERY|RETRIEVAL_DOCUMENT|SEMANTIC_SIMILARITY|"
    "CLASSIFICATION|CLUSTERING|QUESTION_ANSWERING|FACT_VERIFICATION|CODE_RETRIEVAL_QUERY"
)
_HARMS = (
    "HARM_CATEGORY_UNSPECIFIED|HARM_CATEGORY_HARASSMENT|HARM_CATEGORY_HATE_SPEECH|"
    "HARM_CATEGORY_SEXUALLY_EXPLICIT|HARM_CATEGORY_DANGEROUS_CONTENT|"
    "HARM_CATEGORY_CIVIC_INTEGRITY|HARM_CATEGORY_JAILBREAK|HARM_CATEGORY_IMAGE_HATE|"
    "HARM_CATEGORY_IMAGE_DANGEROUS_CONTENT|HARM_CATEGORY_IMAGE_HARASSMENT|"
    "HARM_CATEGORY_IMAGE_SEXUALLY_EXPLICIT"
)
_THRESHOLDS = (
    "HARM_BLOCK_THRESHOLD_UNSPECIFIED|BLOCK_LOW_AND_ABOVE|BLOCK_MEDIUM_AND_ABOVE|BLOCK_ONLY_HIGH|"
    "BLOCK_NONE|OFF"
)

MESSAGES: Final[dict[str, dict[str, str]]] = {
    "GenerateContentRequest": {
        "model": "string",
        "contents": "*Content",
        "systemInstruction": "Content",
        "tools": "*Tool",
        "toolConfig": "ToolConfig",
        "safetySettings": "*SafetySetting",
        "generationConfig": "GenerationConfig",
        "cachedContent": "string",
        "labels": "json",
        "serviceTier": "one of UNSPECIFIED|FLEX|STANDARD|PRIORITY",
        "continuationToken": "bytes",
        "store": "bool",
    },
    "CountTokensRequest": {
        "contents": "*Content",
        "generateContentRequest": "GenerateContentRequest",
    },
    "EmbedContentRequest": {
        "model": "string",
        "content": "Content",
        "taskType": _TASKS,
        "title": "string",
        "outputDimensionality": "int",
        "embedContentConfig": "EmbedContentConfig",
    },
    "EmbedContentConfig": {
        "taskType": _TASKS,
        "title": "string",
        "outputDimensionality": "int",
        "autoTruncate": "bool",
        "documentOcr": "bool",
        "audioTrackExtraction": "bool",
    },
    "BatchEmbedContentsRequest": {"model": "string", "requests": "*EmbedContentRequest"},
    "Content": {"parts": "*Part", "role": "string"},
    "Part": {
        "text": "string",
        "functionCall": "FunctionCall",
        "functionResponse": "FunctionResponse",
        "inlineData": "Blob",
        "fileData": "json",
        "executableCode": "json",
        "codeExecutionResult": "json",
        "toolCall": "json",
        "toolResponse": "json",
        "audioTranscription": "json",
        "thought": "bool",
        "thoughtSignature": "bytes",
        "videoMetadata": "json",
        "partMetadata": "json",
        "mediaResolution": "json",
        "mediaProcessing": "json",
        "speechMetadata": "json",
    },
    "Blob": {"mimeType": "string", "data": "bytes", "displayName": "string"},
    "FunctionCall": {"id": "string", "name": "string", "args": "object"},
    "FunctionResponse": {
        "id": "string",
        "name": "string",
        "response": "object",
        "parts": "json",
        "willContinue": "bool",
        "scheduling": "one of SCHEDULING_UNSPECIFIED|SILENT|WHEN_IDLE|INTERRUPT",
    },
    "Tool": {
        "functionDeclarations": "*FunctionDeclaration",
        "googleSearch": "json",
        "googleSearchRetrieval": "json",
        "googleMaps": "json",
        "codeExecution": "json",
        "computerUse": "json",
        "fileSearch": "json",
        "urlContext": "json",
        "mcpServers": "json",
    },
    "FunctionDeclaration": {
        "name": "string",
        "description": "string",
        "parameters": "Schema",
        "parametersJsonSchema": "json",
        "response": "Schema",
        "responseJsonSchema": "json",
        "behavior": "one of UNSPECIFIED|BLOCKING|NON_BLOCKING",
    },
    "ToolConfig": {
        "functionCallingConfig": "FunctionCallingConfig",
        "retrievalConfig": "json",
        "includeServerSideToolInvocations": "bool",
    },
    "FunctionCallingConfig": {
        "mode": "one of MODE_UNSPECIFIED|AUTO|ANY|NONE|VALIDATED",
        "allowedFunctionNames": "*string",
    },
    "SafetySetting": {"category": f"one of {_HARMS}", "threshold": f"one of {_THRESHOLDS}"},
    "GenerationConfig": {
        "candidateCount": "int",
        "stopSequences": "*string",
        "maxOutputTokens": "int",
        "temperature": "float",
        "topP": "float",
        "topK": "float",
        "seed": "int",
        "responseMimeType": "string",
        "responseSchema": "Schema",
        "responseJsonSchema": "json",
        "responseFormat": "json",
        "responseModalities": "*string",
        "presencePenalty": "float",
        "frequencyPenalty": "float",
        "responseLogprobs": "bool",
        "logprobs": "int",
        "enableEnhancedCivicAnswers": "bool",
        "enableAffectiveDialog": "bool",
        "speechConfig": "json",
        "thinkingConfig": "ThinkingConfig",
        "imageConfig": "json",
        "mediaResolution": "string",
        "audioTranscriptionConfig": "json",
        "translationConfig": "json",
    },
    "ThinkingConfig": {
        "includeThoughts": "bool",
        "thinkingBudget": "int",
        "thinkingLevel": "one of THINKING_LEVEL_UNSPECIFIED|MINIMAL|LOW|MEDIUM|HIGH|XHIGH",
    },
    "Schema": {
        "type": "one of TYPE_UNSPECIFIED|STRING|NUMBER|INTEGER|BOOLEAN|ARRAY|OBJECT|NULL",
        "format": "string",
        "title": "string",
        "description": "string",
        "nullable": "bool",
        "enum": "*string",
        "items": "Schema",
        "minItems": "int",
        "maxItems": "int",
        "properties": "map Schema",
        "required": "*string",
        "minProperties": "int",
        "maxProperties": "int",
        "minLength": "int",
        "maxLength": "int",
        "pattern": "string",
        "example": "json",
        "anyOf": "*Schema",
        "propertyOrdering": "*string",
        "default": "json",
        "minimum": "float",
        "maximum": "float",
        "defs": "map Schema",
        "ref": "string",
    },
}

PART_DATA: Final = frozenset(
    {"text", "functionCall", "functionResponse", "inlineData", "fileData", "executableCode"}
    | {"codeExecutionResult", "toolCall", "toolResponse", "audioTranscription"}
)
"""Fields of a part of which it has exactly one."""
