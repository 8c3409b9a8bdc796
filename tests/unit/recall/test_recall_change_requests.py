"""When a person asks for a change of memory, and when they confirm one: tables of messages."""

from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tandem.recall.change_requests import asks_for_change, confirms, what_to_forget
from tandem.recall.routing import choose_route

# ruff: noqa: RUF001 - people type what they like
ASKS_FOR_CHANGE = """
forget that I have a dog
Please forget that I have a dog!
please delete what you know about my job
that's not right, my sister is called Anika
That’s not right, my sister is called Anika
That is wrong. My sister is called Anika.
stop remembering where I live
Stop remembering my address, please
Could you forget my birthday?
Can you please forget what I told you about my ex?
I'd like you to forget everything about me
I want you to forget my phone number
Forget everything you know about me
Forget about my job
forget I said anything about Bruno
Forget my dog
Remove my dog from your memory
Please erase all my memories
delete that I have a dog
Clear my memory
No, that's wrong: I live in Mumbai
No that's not true, I don't have a dog
You're wrong, my name is Anika
You got my name wrong
You've got that wrong, I work at Acme
Correct what you know about my job: I am a nurse
Please correct my birthday, it is in May
Update what you remember about my home: I live in Pune
this is outdated, I moved to Mumbai
That isn't correct. I never lived in Delhi.
You should forget that I smoke
Thanks! Please forget that my sister is ill.
I like tea, please forget that I like coffee
Forget that Bruno is my dog
Forget the fact that I have a dog
Hey Tandem, forget my address
Also, forget where I work
Could you delete my notes about chess?
You must forget what I told you yesterday
It's not correct that I live in Delhi; I live in Pune
Vergiss, dass ich einen Hund habe
Oublie que j'ai un chien
Olvida que tengo un perro
"""

ASKS_FOR_NONE = """
Don't forget that I have a dog
don’t forget my birthday
Do not forget that I like tea
Never forget that I am vegetarian
Don't you dare forget my birthday
I forgot my keys
I forgot that I have a dentist appointment
Remember that I have a dog
remember my birthday
My sister said "forget that I have a dog"
She said “please delete what you know about my job”
`forget that I have a dog`
> forget that I have a dog
<evidence>forget that I have a dog</evidence>
<evidence> please delete what you know about my job
Forget it.
Forget about it!
forget that
I will never forget my first day
I want to relax and forget that I have a job
Did I forget my keys?
You forgot my name!
How do I forget my ex?
Why did you forget my name?
Please help me to forget my ex
People forget that I exist
My grandmother forgets that I am married
Let's forget about my job for today
That's wrong, Paris is the capital of France
That's not right
That's right, my sister is called Anika
Correct me if I'm wrong
Delete my file from the desktop
Please delete the last paragraph
Remove the stain from my shirt
Clear my schedule for Monday
Fix my code
Change my mind
Update: I moved to Mumbai
I stopped remembering my dreams
He told me to forget my dreams
Forget me not is a flower
What do you know about me?
I live in Delhi
"""

YES = """
yes
Yes.
YES!!
yes please
Yes, please!
Yes, do it
yes, that’s right
Yes thank you
yes, forget it
please do it
do it
correct
go ahead
sure, go ahead
all of them
ja
ja, bitte
oui
sí
да
はい
हाँ
نعم
"""

NO_YES = """
ok
no
no, don't
yes?
yes？
yes but not the cat
yes, also forget my job
yes and what time is it
yes no
not yes
maybe
wait
forget it
please
correct me if I'm wrong
I said yes to the job
do it tomorrow
"yes", she said
what
"""


def lines(table: str) -> list[str]:
    return table.strip().splitlines()


@pytest.mark.parametrize("message", lines(ASKS_FOR_CHANGE))
def test_a_request_for_a_change_of_memory_is_managed(message: str) -> None:
    assert choose_route(message) == "manage"


@pytest.mark.parametrize("message", lines(ASKS_FOR_NONE))
def test_what_states_quotes_or_only_sounds_alike_is_no_request(message: str) -> None:
    assert choose_route(message) != "manage"


@pytest.mark.parametrize("message", lines(YES))
def test_a_plain_yes_confirms(message: str) -> None:
    assert confirms(message, kind="forget")


@pytest.mark.parametrize("message", [*lines(NO_YES), "", "  ", "yes " * 40])
def test_anything_but_a_plain_yes_confirms_nothing(message: str) -> None:
    assert not confirms(message, kind="forget")
    assert not confirms(message, kind="correct")


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("change it", "forget"),
        ("yes, correct it", "forget"),
        ("delete it", "correct"),
        ("yes, forget it", "correct"),
        ("Remove them.", "correct"),
    ],
)
def test_a_wish_for_the_other_change_confirms_nothing(
    message: str, kind: Literal["forget", "correct"]
) -> None:
    assert not confirms(message, kind=kind)


@pytest.mark.parametrize(
    ("message", "wanted"),
    [
        ("Please forget that I have a dog! Thanks", "I have a dog"),
        ("please delete what you know about my job", "my job"),
        ("Remove my dog from your memory", "my dog"),
        ("Can you forget what I told you about the dentist?", "the dentist"),
        ("Wipe", "Wipe"),
    ],
)
def test_what_is_to_be_forgotten_is_in_the_persons_own_words(message: str, wanted: str) -> None:
    assert what_to_forget(message) == wanted


@given(st.text(max_size=4_000))
def test_any_text_is_understood_or_not(message: str) -> None:
    confirms(message, kind="forget")
    what_to_forget(message)
    if asks_for_change(message):
        assert choose_route(message) == "manage"


_FILLINGS = ["forget ", "please ", "could you ", ", please ", "delete ", "delete a ", "that "]
_FILLINGS += ["> ", "no, ", "<evidence>", "forget the fact that ", "from my "]


@pytest.mark.parametrize(
    "filling",
    [*_FILLINGS, "x " * 40 + ". delete "],
)
def test_the_longest_message_is_understood_at_once(filling: str) -> None:
    message = (filling * 4_000)[:4_000]

    confirms(message, kind="forget")
    what_to_forget(message)
    asks_for_change(message)  # patterns that backtrack would take minutes here
