"""Checks template.yaml: SAM translation, cfn-lint on the result, `sam validate` and our own rules.

Runs offline and without an account, with the Python of `.tools/venv`: `python -m scripts.validate`.
"""
