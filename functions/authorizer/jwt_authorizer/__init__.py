"""The Lambda authorizer: is this access token genuine? Alone, small, without the layer."""
