"""Local services that speak the wire of Zep v4, Mem0 Platform and Gemini.

They read each provider's contract on their own: nothing here imports `tandem`. Facts are found by
rule (`rules`), not by a model, so what they understand is narrow and always the same.
"""
