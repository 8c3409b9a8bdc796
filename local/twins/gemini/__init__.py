"""The twin of Gemini's REST API: replies by rule from the evidence in the request.

A call passes from top to bottom:

    app             the routes, and what each handler does
    keys            which keys are refused
    wire            errors in Google's envelope; how many tokens a text has
    planned         special answers that tests have queued

    fields          a body by the JSON mapping of protocol buffers …
    messages        … and the fields of each message
    models          the models that there are: list, get, and what each can do
    request         a generateContent request, checked as a whole
    conversation    … its roles, parts, calls and their answers
    schemas         … its schemas, OpenAPI's and JSON Schema's, as one kind

    composing       from a checked request to a reply: block, call or words, and in which form
    safety          prompts that are blocked
    evidence        what the request says about the person: the block, and what functions gave
    answers         an answer by rule from that
    judging         pairs of statements that are to be judged, and how a test wants it done
    judging_rules   … by rule
    judging_matters … everyday matters that are told in many ways
    judging_reading … what a statement is made of
    judging_phrases … which turns of phrase are read alike
    judging_words   … which words mean the same
    managing        … and changes that are proposed, asked about and settled
    words           what the person's last words say about a named parameter or property
    function_calls  which functions are called, and with what
    instances       a value that a schema allows, from those words
    checking        … and whether it does
    patterned       … and texts that match a pattern

    replies         a reply on the wire: whole, or as chunks of a stream
    prompt_cache    how much of a prompt was seen before
    embeddings      embedContent and batchEmbedContents
    meanings        … and texts that a test has said to mean the same
    vectors         … and how a text becomes a vector
"""
