"""Families of turns about the body, money and what answers should be like, for judging pairs.

They are part of `judging_turns`, and as those are told.
"""

from __future__ import annotations

from typing import Final

Families = tuple[tuple[str, str], ...]

_SUM: Final = r"\d+ (?:euros|dollars|pounds|rupees|francs|yen|pesos|kronor|zloty|naira)"
_HEALTH: Final = (
    r"(?:blood pressure|heart|cholesterol|thyroid|diabetes|asthma|allergy|pain|epilepsy|migraine)"
)
_MEDICINE: Final = r"(?:pill|tablet|medicine|medication|drug|drop|inhaler|capsule|spray)"

BODY: Final[Families] = (
    (
        r"\b(?:am |is )?(left|right)-?handed\b|\bwrites? with (?:my |the )?(left|right) hand\b",
        r"\1\2hand",
    ),
    (
        r"\bcan not (?:take|eat|have|drink|touch) (.+?) because (?:of (?:an? |my"
        r" )?allergy|i am allergic"
        r"(?: to (?:it|them))?)$",
        r"am allergic to \1",
    ),
    (r"\b(?:am|is) (\w+)-haired\b", r"have \1 hair"),
    (r"\b(?:am|is) (\w+)-eyed\b", r"have \1 eyes"),
    (r"\b(?:had|underwent) (?:an? )?(?:surgery|operation) on my (\w+)", r"my \1 was operated"),
    (
        r"\bhad (?:an? )?(knee|hip|back|eye|heart|shoulder|ankle|hand|wrist) "
        r"(?:surgery|operation)\b",
        r"my \1 was operated",
    ),
    (r"\bmy (\w+) (?:was|has been) operated(?: on)?\b", r"my \1 was operated"),
    (
        r"\b(?:have )?had (?:an? |my )?append(?:ic)?ectomy\b",
        "my appendix was removed",
    ),
    (
        r"\b(?:have )?had (?:an? |my )?tonsillectomy\b",
        "my tonsils was removed",
    ),
    (
        r"\b(?:have )?had my (wisdom teeth|gallbladder|spleen|tonsils|appendix|thyroid)"
        r" (?:taken out|removed|pulled|out)\b",
        r"my \1 was removed",
    ),
    (
        r"\bmy (\w+(?: \w+)?) (?:has been|have been|was|were|got) (?:taken out|removed|cut out)\b",
        r"my \1 was removed",
    ),
    (r"\b(?:have )?had a hysterectomy\b", "my womb was removed"),
    (rf"\b({_MEDICINE})s? (?:for|against) (?:my |the )?({_HEALTH})\b", r"\2 \1"),
    (r"\b(?:in|on|with) (?:my |the )?left (?=ear|eye|side)", "in leftside "),
    (r"\b(?:in|on|with) (?:my |the )?right (?=ear|eye|side)", "in rightside "),
    (
        r"\b(?:am|is) deaf in (leftside|rightside) (?:ear|side)\b|\b(?:hears? nothing|can not hear"
        r"(?: anything| a thing| at all)?) in (leftside|rightside) (?:ear|side)\b",
        r"deaf \1\2",
    ),
    (
        r"\b(?:am|is) blind in (leftside|rightside) (?:eye|side)\b|\b(?:sees? nothing|can not see"
        r"(?: anything| a thing| at all)?) in (leftside|rightside) (?:eye|side)\b",
        r"blind \1\2",
    ),
    (
        r"\b(?:can|could) not (?:tell|distinguish|differentiate)(?: between)? "
        r"(red|green|blue|yellow) (?:from|and|or) (red|green|blue|yellow)(?: apart)?\b",
        r"have \1 \2 colour blindness",
    ),
    (r"\b(?:am|is) ((?:\w+[- ]\w+ )?)colou?r[- ]?blind\b", r"have \1colour blindness"),
    (r"\bwears? (?:glasses|spectacles)\b", "need glasses"),
    (r"\bwears? contact lenses\b", "need contact lenses"),
    (r"\b(?:am|is|was|have been|has been) vaccinated against\b", "had vaccine of"),
    (
        r"\b(?:have )?had (?:the|my|an?) (\w+) (?:jab|vaccine|vaccination|shot)\b",
        r"had vaccine of \1",
    ),
    (r"\b(?:am|is) on (?:medication|medicine|tablets|pills) for\b", "take medicine for"),
    (r"\b(?:carry|carries|am carrying) (?:an? )?(?:epi-?pen)\b", "have epipen"),
    (
        r"^(.+?) (?:give|gives|cause|causes) i (?:an? )?(headaches?|migraines?|rash|heartburn)$",
        r"i get \2 from \1",
    ),
    (r"\b(?:a )?stammer(?:er)?\b|\bstutter(?:er)?\b", "stutter"),
    (r"\b(?:have (?:a |an )?)?(?:buried|lost) my (mother|father|husband|wife)\b", r"my \1 died"),
    (
        r"^my (\w+) (?:is dead|has died|have died|died|(?:has |have )?passed away)$",
        r"my \1 is dead",
    ),
    (r"^my (\w+) is ended alive$", r"my \1 is dead"),
    (r"\b(?:am|is) a widow$", "my husband is dead"),
    (r"\b(?:am|is) a widower$", "my wife is dead"),
)
MONEY: Final[Families] = (
    (
        r"\bmy (rent|mortgage|loan|insurance|fees?|tax(?:es)?|\w+ bill|\w+ fees?|\w+ insurance)"
        r" (?:is|are) due\b",
        r"i must pay \1",
    ),
    (r"\b(?:have|has|need|needs) to pay (?:my |the )?", "must pay "),
    (
        rf"^my budget for (?:an? |the |my )?(.+?) is (?:at most )?({_SUM})$",
        r"i can spend up to \2 on \1",
    ),
    (rf"^my (\w+) budget is (?:at most )?({_SUM})$", r"i can spend up to \2 on \1"),
    (
        rf"^i have (?:a budget of |up to )?({_SUM}) (?:for|to spend on) (.+)$",
        r"i can spend up to \1 on \2",
    ),
    (r"\b(?:spend|pay|afford) (?:at most|as much as)\b", "spend up to"),
    (
        rf"^(?:the )?({_SUM})(?: that| which)? i (?:borrowed from|was lent by) (?:an? |my )?"
        r"(.+?) (?:has|have|is|are) (?:still )?not (?:yet )?(?:been )?(?:repaid|paid back|returned)"
        r"(?: yet)?$",
        r"i owe \2 \1",
    ),
    (
        rf"^(?:the )?({_SUM})(?: that| which)? (.+?) lent i (?:has|have|is|are) (?:still )?not "
        r"(?:yet )?(?:been )?(?:repaid|paid back|returned)(?: yet)?$",
        r"i owe \2 \1",
    ),
    (
        rf"^i (?:must|have to|still have to|need to|still must) (?:pay back|repay|give back) (.+?) "
        rf"(?:the |my )?({_SUM})$",
        r"i owe \1 \2",
    ),
    (rf"^i (?:must|have to|still have to|need to) pay (.+?) back ({_SUM})$", r"i owe \1 \2"),
    (rf"^my debt (?:to|with) (.+?) is ({_SUM})$", r"i owe \1 \2"),
    (rf"^i am in debt to (.+?) (?:for|by) ({_SUM})$", r"i owe \1 \2"),
    (rf"^i (?:still )?owe ({_SUM}) to (.+)$", r"i owe \2 \1"),
    (r"^i still owe\b", "i owe"),
    (rf"^i paid ({_SUM}) for (.+)$", r"\2 cost i \1"),
    (
        r"\b(?:until|before|till) (?:(?:my|the|our) )?next (?:wages?|salary|pay|pay ?day"
        r"|pay packet)(?: (?:comes?|arrives?|is paid)(?: in)?)?$",
        "until payday",
    ),
    (r"\b(\d+ gb)(?: of)? (?:ram|memory)\b", r"\1 memory"),
)
WISHES: Final[Families] = (
    (r"^i do not want to be called\b", "do not call i"),
    (
        r"\b(?:when|while|if) (?:you )?(?:are )?(?:writ|repl|answer|talk|respond|speak)\w*(?: to)?"
        r"(?: i)?\b",
        "in answers",
    ),
    (r"\bin (?:your|the|any) (?:answers?|replies|responses?|messages?)\b", "in answers"),
    (r"\byour (answers|replies|responses)\b", "answers"),
    (
        r"^(?:keep (?:it|them|answers|things)|be) (?:short|brief|concise)$|^(?:answer"
        r"|reply)(?: i)? "
        r"(?:briefly|concisely|in brief)$|^i (?:want|like|prefer|need|would like) "
        r"(?:short|brief|concise) answers$",
        "i want short answers",
    ),
    (
        r"^explain (?:things |everything )?(?:simply|in simple (?:words|terms))$|^i (?:want|prefer"
        r"|like|would like) simple explanations$",
        "i want simple explanations",
    ),
    (
        r"^(?:use|i (?:want|prefer)(?: \w+ in)?) (?:the )?(metric|imperial)(?: units| system)?$",
        r"i want measurements in \1 units",
    ),
    (
        r"^(?:do not|never|not) (?:ever )?(?:use|include|put|add|write) (?:any )?(.+?) in answers$",
        r"i want answers without \1",
    ),
    (
        r"^(?:avoid|skip|leave out|omit|spare i)(?: the| any)? (.+?) in answers$",
        r"i want answers without \1",
    ),
    (r"^leave (.+?) out of (?:your )?answers$", r"i want answers without \1"),
    (r"^(?:no|without) (.+?) in answers$", r"i want answers without \1"),
    (r"^i (?:do not want|hate|dislike) (.+?) in answers$", r"i want answers without \1"),
    (r"^for (.+?),? i (?:want|prefer|use|would like|need) (.+)$", r"i want \1 in \2"),
    (r"^(?:always )?(?:give|show|tell|send|quote|state)s? i (.+?) in (.+)$", r"i want \1 in \2"),
    (r"^(?:always )?use (.+?) (?:for|when giving) (.+)$", r"i want \2 in \1"),
    (r"^(?:address|refer to) i (?:as|by) (.+)$", r"call i \1"),
    (r"^i would (?:like|prefer) (?:to be|being) (?:called|addressed as) (.+)$", r"call i \1"),
    (r"\bpercents?\b", "percent"),
)
