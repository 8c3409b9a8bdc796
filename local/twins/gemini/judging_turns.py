"""Families of turns that say the same of one thing, for judging pairs by a freer reading.

Each brings the several ways to say a thing to one of them: who is whose tenant or whose landlord,
when somebody was ten, what is due and what must be paid. They are gone through in order, behind the
figures, dates and units, on a text in small letters without the 's of a possessor.
`judging_idioms.txt` has fixed phrases, and what they mean.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from local.twins.gemini import judging_affairs as affairs
from local.twins.gemini.judging_phrases import Rewriting, compiled

_IDIOMS: Final = Path(__file__).with_name("judging_idioms.txt").read_text(encoding="utf-8")
_DWELLING: Final = r"(?:flat|apartment|house|home|place|room|studio|cottage|bungalow)"
_SEASON: Final = (
    "spring|summer|autumn|fall|winter|january|february|march|april|may|june|july|august|september"
    "|october|november|december"
)
_BREED: Final = (
    r"(?:labrador|poodle|beagle|dachshund|collie|terrier|spaniel|golden retriever|retriever|husky"
    r"|german shepherd|rottweiler|dalmatian|pug|bulldog|greyhound|whippet|corgi|boxer|chihuahua)"
)

CASED: Final[Rewriting] = compiled(
    # Of a place, which is written with a capital: to have been there is to have visited it.
    (r"\b(?:was|have been) in (?=[A-Z\u00c0-\u00de])", "visited "),
    (
        r"\b(I['\u2019]?m|I am|[Uu]ser is) ((?:(?:my|Dr\.?|Mrs?\.?|Ms\.?) )?\w+(?: [A-Z]\w+)?)"
        r"['\u2019]s? (wife|husband|boss|manager|supervisor|tenant|lodger|patient|student|pupil"
        r"|apprentice|trainee|client|customer|teacher|tutor|doctor|neighbour|neighbor|landlord"
        r"|landlady|godfather|godmother|colleague|assistant|flatmate|roommate)\b",
        r"\1 the \3 of \2",
    ),
)
"""What can only be told while capitals and the 's of a possessor are still there."""

_TIME: Final = (
    (r"^instead of (.+?),? i (.+)$", r"i \2 instead of \1"),
    (r"\b(?:while|whenever|when) (?:i am |i )?(\w+ing)\b", r"when i \1"),
    (r"\b(?:while|whenever) i\b", "when i"),
    (
        r"\bbefore (?:going to (?:bed|sleep)|i go to (?:bed|sleep)|bed|sleep(?:ing)?)\b",
        "before bedtime",
    ),
    (r"\bspends? (\d+ \w+)( daily| weekly)? (?:on )?(\w+ing)\b", r"\3 for \1\2"),
    (r"\bevery 6 months\b|\bhalf-yearly\b", "2 times yearly"),
    (r"\bevery 3 months\b|\bquarterly\b", "4 times yearly"),
    (r"(?<=minute )(?:an?|per|each) night\b", "every night"),
    (r"\bgets? (\d+ \w+) of sleep\b", r"sleep \1"),
    (
        r"\bhave (?:never|not) lived anywhere (?:else )?(?:but|than|other than|except)(?:"
        r" in)? (.+)$",
        r"have lived in \1 always",
    ),
    (r"\bhave yet to visit\b", "have never visited"),
    (r"\bhave yet to see\b", "have never seen"),
    (r"\bhave been retired since\b", "retired in"),
    (r"\bmy (?:year of birth|birth year) is (?=\d{4})", "i was born in "),
    (r"\b(is|are) (\d+) years? old$", r"\1 \2"),
    (r"^(.+?) ends? (?:in|with) (?:the digits )?(\d+)$", r"\1 last digits are \2"),
    (
        r"^(?:the )?last (?:\d+ )?(?:digits|numbers|figures) of (.+?) (?:are|is) (\d+)$",
        r"\1 last digits are \2",
    ),
    (rf"\b(?:the )?({_SEASON}) of (\d{{4}})\b", r"\1 \2"),
    (r"\b(?:every|each) (\w+day)\b", r"on \1s"),
    (r"\bon (?:the )?(\d+)(?:st|nd|rd|th)(?: day)? of (?:monthly|the month)", r"on day \1 monthly"),
    (r"\bon day (\d+) of (?:monthly|the month)\b", r"on day \1 monthly"),
    (r"\b(?:on |at )?(?:the )?(?:beginning|start) of (?:monthly|the month)", "on day 1 monthly"),
    (r"\b(?:at the age of|at age|aged|at) (\d+)(?: years?(?: old| of age)?)?$", r"when i was \1"),
    (r"\b(i was \d+) (?:years?|months) (?:old|of age)\b", r"\1"),
    (
        r"\bat (?:the )?time of ((?:my|our) [\w ]+?) (separation|divorce|wedding|death|birth"
        r"|retirement|arrival|departure|marriage|move)\b",
        r"when \1 \2",
    ),
    (r"^i was (.+?) when (.+)$", r"\2 when i was \1"),
    (r"^when (.+?), (.+)$", r"\2 when \1"),
    (r"\bsince i was (?:an? )?(?:child|kid|boy|girl|little|small|young)\b", "since childhood"),
    (r"\b(?:since|from) (?:my )?(?:early )?(?:childhood|an early age)( on)?\b", "since childhood"),
    (r"\ball my life\b|\bfor as long as i can remember\b", "always"),
    (r"\b(?:as a (?:child|kid|boy|girl)|when i was a (?:child|kid|boy|girl))\b", "in childhood"),
    (
        r"\b(?:took up|started|began|got into) (.+?) (?:in|as|at) (?:a )?(\w+),? (?:and|and i) "
        r"(?:still|have) (?:do|does|done|am|is)(?: it| so| that)?(?: ever since| since)?$",
        r"have been \1 since \2",
    ),
    (
        r"^it (?:takes|took) i (.+?) to (?!get|go|travel|walk|drive)(\w+) (.+)$",
        r"i did \2 \3 in \1",
    ),
    (r"^i needed (\d+ \w+) to (\w+) (.+)$", r"i did \2 \3 in \1"),
    (r"\bin (?:under|less than) (?=\d)", "in under "),
    (r"\bmy (?:shift|work|working day|workday|day at work) (?:starts?|begins?)\b", "i begin work"),
    (r"\bmy (?:shift|work|working day|workday|day at work) (?:ends?|finishes)\b", "i finish work"),
    (r"\b(?:knock off|clock off|get off|stop) work\b|\bfinish working\b", "finish work"),
    (r"\bstart working\b|\bclock in\b", "begin work"),
)
_HOME: Final = (
    (r"^(.+?) and i live together$", r"i live with \1"),
    (r"\b(?:studio|one-room|1-room) (?:flat|apartment)\b", "studio"),
    (r"^we have (.+?) (?:at home|in (?:our|the) (?:house|home|flat))$", r"our home has \1"),
    (r"^our (?:house|flat|apartment) has\b", "our home has"),
    (
        r"^there is (?:no|not an?) (.+?) (?:in|at) (?:my|our) (?:home|house|flat|apartment|place)$",
        r"i do not have \1",
    ),
    (r"^(\d+ (?:cats|dogs|rabbits|parrots|hamsters|pets)) live with i$", r"i have \1"),
    (r"\bowns? the (flat|house|home|apartment) i live in\b", r"own my \1"),
    (r"\bhave (?:made|found|set up) my (?:\w+ )?home\b", "live"),
    (r"\bcalls? (?!i\b|my\b)(\w+(?: \w+)?) (?:my )?home\b", r"live in \1"),
    (rf"\bi (?:am )?rent(?:ing)? (?:my|our|an?|the) {_DWELLING} from (.+)$", r"my landlord is \1"),
    (rf"^(.+?) rents? (?:out )?(?:my|our|an?|the) {_DWELLING} to i$", r"my landlord is \1"),
    (r"^i am (?:the |an? )?(?:tenant|lodger) of (.+)$", r"my landlord is \1"),
    (rf"^(.+?) owns? the {_DWELLING} (?:that |which )?i (?:rent|live in)$", r"my landlord is \1"),
    (r"\blandlady\b", "landlord"),
    (r"^i live next door to (.+)$", r"my nextdoor neighbour is \1"),
    (r"^(.+?) lives? next door(?: to i| to us)?$", r"my nextdoor neighbour is \1"),
    (r"\bnext-door (?=neighbou?r)", "nextdoor "),
    (r"\b(?:not anyone|no one|nobody)(?: else)? lives with i\b", "i live alone"),
    (rf"\bhave (?:the|my) {_DWELLING} to my\b", "live alone"),
    (rf"^i share (?:an?|my|the|our) {_DWELLING} with (.+)$", r"my flatmate is \1"),
    (r"^(.+?) shares? (?:an?|my|the|our) (?:flat|apartment|house) with i$", r"my flatmate is \1"),
    (r"^(.+?) and i (?:share an? (?:flat|apartment|house)|are flatmates)$", r"my flatmate is \1"),
    (r"\b(?:measures?|covers|spans|has an area of|has a size of) (?=\d)", "is "),
    (rf"^i have an? (\d+) square metre ({_DWELLING})$", r"my \2 is \1 square metre"),
    (r"\bthere (?:is|are) (.+?) (?:in|on|at) ((?:my|our) \w+)$", r"\2 has \1"),
    (r"\b(?:am|is) a homeowner\b|\b(?:am|is) a home owner\b", "own my house"),
)
_FAMILY: Final = (
    (r"^(\w+), (my \w+(?: \w+)?), ", r"\2 \1 "),
    (r"^my (brother|sister) and i are twins$", r"i have a twin \1"),
    (r"^(\w+) is my twin (brother|sister)$", r"i have a twin \2 called \1"),
    (r"\b(?:are|got|have got|have|were|have been) divorced$", "are divorced"),
    (r"^i am (?:an? |the )?(?:mother|father|parent|mum|dad) of (\d+)$", r"i have \1 children"),
    (
        r"^i am (?:an? |the )?grand(?:mother|father|parent|ma|pa) of (\d+)$",
        r"i have \1 grandchildren",
    ),
    (r"\bmy wedding anniversary is(?: on)?\b", "i got married on"),
    (r"\bmarried to an? woman (?:called|named|by the name of) ", "married to wife "),
    (r"^i am married to wife (\w+)$", r"my wife name is \1"),
    (r"^i am married to an? man (?:called|named|by the name of) (\w+)$", r"my husband name is \1"),
    (r"^i am (?:the )?husband of (\w+)$", r"my wife is \1"),
    (r"^i am (?:the )?wife of (\w+)$", r"my husband is \1"),
    (r"^(\w+) and i are (?:husband and wife|a married couple)$", r"i am married to \1"),
    (r"^(\w+) is my fianc[e\u00e9]e?$", r"i am engaged to \1"),
    (r"^my fianc[e\u00e9]e? (?:name )?is (?:called |named )?(\w+)$", r"i am engaged to \1"),
    (r"\b(?:answers?|responds?|listens?) to (?:the name (?:of )?)?(\w+)$", r"is called \1"),
    (r"\bgo(?:es)? by the name (?:of )?(\w+)$", r"is called \1"),
    (r"\b(?:my|our) wedding (?:was|took place|happened)\b", "i got married"),
    (r"\bwe (?:got|were) (?:married|wed)\b", "i got married"),
    (r"\bmy (mother|mum|mom) (?:mother|mum|mom)\b", "my maternal grandmother"),
    (r"\bmy (?:mother|mum|mom) (?:father|dad)\b", "my maternal grandfather"),
    (r"\bmy (?:father|dad) (?:mother|mum|mom)\b", "my paternal grandmother"),
    (r"\bmy (?:father|dad) (?:father|dad)\b", "my paternal grandfather"),
    (r"\b(grand\w+) on my (?:mother|mum|mom) side\b", r"maternal \1"),
    (r"\b(grand\w+) on my (?:father|dad) side\b", r"paternal \1"),
    (r"\bmy (?:wife|husband|spouse) (mother|father|mum|mom|dad|parents)\b", r"my \1inlaw"),
    (r"\b(mother|father|mum|mom|dad|parents)[- ]in[- ]law\b", r"\1inlaw"),
    (r"\b(?:my|the) in[- ]laws\b", "my parentsinlaw"),
    (r"\b(?:mum|mom)inlaw\b", "motherinlaw"),
    (r"\bdadinlaw\b", "fatherinlaw"),
    *(
        (
            rf"\b(?:am|is) the {place} (?:of|in a family of|among) {n} ?"
            rf"(?:children|siblings|kids|brothers and sisters)?$",
            f"have {n - 1} {others} siblings",
        )
        for n in range(2, 10)
        for place, others in (
            ("(?:oldest|eldest|firstborn)", "younger"),
            ("(?:youngest|last)", "older"),
        )
    ),
    (r"\belder (?=brother|sister|sibling)", "older "),
    (r"^i am (?:the )?(?:god(?:father|mother|parent)) of (\w+)$", r"\1 is my godchild"),
    (r"\ban? (friend|colleague|cousin|neighbour|classmate|aunt|uncle) of my\b", r"my \1"),
    (r"^(\w+) and i (?:work together|are colleagues|are co-?workers)$", r"\1 is my colleague"),
    (r"^i work together with (\w+)$|^(\w+) works (?:together )?with i$", r"\1\2 is my colleague"),
    (r"^i am (?:an? |the )?(patient|client) of (.+)$", r"i \1of \2"),
    (r"^(.+?) is my (?:family )?(?:doctor|dentist|physician)$", r"i patientof \1"),
    (r"^my (?:family )?(?:doctor|dentist|physician) is (.+)$", r"i patientof \1"),
    (r"^i am (?:an? |the )?(?:boss|manager|supervisor) of (.+)$", r"\1 boss is i"),
    (r"^(\w+) is my (?:direct )?(?:report|employee|subordinate)$", r"\1 boss is i"),
    (rf"^i have an? ({_BREED})$", r"my dog is \1"),
    (rf"^my dog is an? ({_BREED})$", r"my dog is \1"),
    (r"^my (\d+)[- ](?:years?|months)[- ]old (\w+)\b", r"my \2 is \1 years old and"),
    (r"\b(?:puppy|pup)\b", "young dog"),
    (r"\bkitten\b", "young cat"),
)
_DOING: Final = (
    (r"\b(?:like|love|enjoy)s? (.+?) (?:better|more) than (.+)$", r"prefer \1 to \2"),
    (r"\bwould rather (?:have |drink |eat |take |do )?(.+?) than (.+)$", r"prefer \1 to \2"),
    (r"\b(prefers?) (.+?) (?:over|rather than) (.+)$", r"\1 \2 to \3"),
    (
        r"^(?:manage|i (?:manage|lead|head|run)) an? team of (\d+)(?: people)?$",
        r"\1 people report to i",
    ),
    (r"^my (?:job|work|position) is (parttime|fulltime|remote)$", r"i work \1"),
    (r"\b(?:am|is) an? medical student\b", "study medicine"),
    (
        r"\b(?:am|is) an? (law|medicine|physics|history|music|art|biology|chemistry"
        r"|engineering|nursing"
        r"|economics|psychology|philosophy|mathematics|maths|architecture|design) student\b",
        r"study \1",
    ),
    (r"\b(?:am|is) an? (?:phd|doctoral) (?:student|candidate) in\b", "do a phd in"),
    (
        r"\b(?:finished|completed|got|received) my (?:degree|studies) (?:at|from)\b",
        "graduated from",
    ),
    (r"\bam member of (an? |the |my )?((?:\w+ )?)choir\b", r"sing in \1\2choir"),
    (r"\b(?:am|is) an? (marathon|trail|ultramarathon|half-marathon) runner\b", r"run \1"),
    (r"\b(eat|drink|see|hear|say|buy)s? nothing\b", r"do not \1"),
    (r"\b(?:am|is) the (?:owner|proprietor) of\b", "have"),
    (r"\bhave (\w+) (citizenship|nationality)\b", r"am \1 citizen"),
    (r"\bam an? (\w+) national\b", r"am \1 citizen"),
    (r"\bholds? an? (?=\w+ passport)", "have a "),
    (
        r"^there is no (?:other )?(\w+) (?:that )?i (?:like|love|prefer|enjoy)"
        r" (?:better|more) than (.+)$",
        r"my favourite \1 is \2",
    ),
    (
        r"^(.+?) is the (\w+) (?:that )?i (?:like|love|enjoy) (?:the )?(?:best|most)$",
        r"my favourite \2 is \1",
    ),
    (r"^(.+?) is not my (?:strong suit|strong point|forte|strength)$", r"i am bad at \1"),
    (r"^(.+?) is my (?:strong suit|strong point|forte|strength)$", r"i am good at \1"),
    (
        r"\b(?:am|is) (?:no good|not (?:very |any )?good|poor|hopeless|terrible|weak) at\b",
        "am bad at",
    ),
    (r"^my (\w+) (?:is|has been|was) paid off$", r"i paid off my \1"),
    (
        r"\b(?:goes|go) to (?:the|my) (?=dentist|doctor)|\bvisits? (?:the|my) (?=dentist|doctor)",
        "see the ",
    ),
    (r"\btrains? (?=\d|daily|every|on )", "exercise "),
    (r"\buses? the (?=stairs|lift|elevator|bus|train|tram|metro)", "take the "),
    *(
        (rf"^(.+?) (?:is|was) my ((?:\w+ ){{1,2}}){noun}$", rf"\1 {verb} my \2")
        for noun, verb in (
            ("(?:super)visor", "supervises"),
            ("editor", "edits"),
            ("translator", "translates"),
        )
    ),
    *(
        (rf"^(.+?) (?:is|was) my ((?:\w+ ){{1,2}})(?:{noun})$", rf"\1 {verb} i \2")
        for noun, verb in (
            ("teacher|tutor|instructor", "teaches"),
            ("coach|trainer", "coaches"),
        )
    ),
    *(
        (rf"^my ((?:\w+ ){{1,2}})(?:{noun}) is (.+)$", rf"\2 {verb} \1")
        for noun, verb in (
            ("teacher|tutor|instructor", "teaches i"),
            ("coach|trainer", "coaches i"),
            ("supervisor", "supervises my"),
            ("editor", "edits my"),
        )
    ),
    (r"^i (?:take|have) (.+?) (?:lessons|classes) (?:with|from) (.+)$", r"\2 teaches i \1"),
    (
        r"\b(?:take|takes|am taking|is taking|have) (?:an? )?(\w+) (?:lessons|classes|course)\b",
        r"learn \1",
    ),
    (
        r"\b(?:am|is|works? as) an? (secondary|primary|middle|nursery|grammar)[- ]school (\w+) "
        r"teacher\b",
        r"teach \2 at a \1 school",
    ),
    (
        r"\b(?:am|is|works? as) an? (?!school|good|great|retired|former|trained|qualified|trainee"
        r"|primary|secondary|substitute|head|class)(\w+) teacher\b",
        r"teach \1",
    ),
    (r"\b(?:am|is|works? as) an? teacher of (\w+)\b", r"teach \1"),
    *(
        (rf"\b(?:am|is|are) (?:an? )?(?:(?:keen|avid|big|regular|real) )?(\w+) {who}s?\b", does)
        for who, does in (
            ("player", r"play \1"),
            ("drinker", r"drink \1"),
            ("eater", r"eat \1"),
            ("owner", r"have \1"),
            ("(?:lover|fan|enthusiast|aficionado|fanatic)", r"like \1"),
            ("(?:fancier|addict)", r"like \1"),
            ("speaker", r"speak \1"),
            ("watcher", r"watch \1"),
        )
    ),
    *(
        (rf"\b(?:am|is) (?:an? )?(?:(?:keen|avid|passionate|regular) )?{who}\b", does)
        for who, does in (
            ("gardener", "like gardening"),
            ("reader", "like reading"),
            ("cook", "like cooking"),
            ("fisherman|angler", "fish"),
            ("sailor", "sail"),
            ("surfer", "surf"),
            ("vegan", "vegan"),
            ("volunteer", "volunteer"),
            ("commuter", "commute"),
        )
    ),
    (
        r"^(.+?) is my (?:top|number 1|all-time favou?rite|preferred) (\w+)$",
        r"my favourite \2 is \1",
    ),
    (
        r"^my (?:top|number 1|all-time favou?rite|preferred|best-loved) (\w+) is",
        r"my favourite \1 is",
    ),
    (
        r"^(?:there is )?no(?:thing)? (?:other )?(\w+) (?:is better than|beats|tops) (.+)$",
        r"my favourite \1 is \2",
    ),
    (
        r"^(?:of all|among all|out of all) (?:the )?(\w+),? i (?:like|love|prefer) (.+?) "
        r"(?:best|most|above all)$",
        r"my favourite \1 is \2",
    ),
    (
        r"^i (?:like|love|prefer|enjoy) (.+?) (?:above all other|more than any other) (\w+)$",
        r"my favourite \2 is \1",
    ),
    (r"^the (\w+)(?: that| which)? i (?:drive|own|have|ride|use)(?= (?:is|are|has)\b)", r"my \1"),
    (r"^my (\w+) (is|are) an? (.+) \1$", r"my \1 \2 \3"),
    (r"\b(?:dropped|drops?) out of (.+)$", r"left \1 without finishing"),
    (
        r"\b(left|quit|abandoned) (.+?) (?:without|before) (?:finishing|graduating|completing"
        r"|(?:getting |taking |earning )?(?:an? |my )?degree)(?: it| my degree| my studies)?$",
        r"left \2 without finishing",
    ),
    (
        r"\b(choose|pick|prefer|like|want)s? to sit (?:by|at|on|next to|near|beside) the "
        r"(aisle|window)\b",
        r"\1 \2 seat",
    ),
    (r"\bsit(?:s|ting)? (?:by|at|on|next to|near|beside) the (aisle|window)\b", r"choose \1 seat"),
    (r"\b(?:when|whenever|if|while) (?:i am |i )?(?:flying|fly)\b", "on planes"),
    (r"\bon (?:an? |the )?flights?\b", "on planes"),
    (r"\b(?:practise|practice|practises|practices) (?=the )", "play "),
    (r"\bgo(?:es)? to church\b", "attend church"),
    (r"\bswallow(?:s)? (?=an? |my |\d)", "take "),
)
TURNS: Final[Rewriting] = compiled(
    *(
        (rf"(?<!\w)(?:{said})(?!\w)", meant)
        for said, _, meant in (line.rpartition(": ") for line in _IDIOMS.splitlines())
    ),
    *affairs.WISHES,
    *_TIME,
    *_HOME,
    *affairs.MONEY,
    *affairs.BODY,
    *_FAMILY,
    *_DOING,
)
