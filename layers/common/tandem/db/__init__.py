"""All SQL: one module per table group, one statement per job."""
