"""Which agent answers what: a table of messages that people might send."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tandem.recall.routing import ROUTES, choose_route

# ruff: noqa: RUF001 - people type what they like
ABOUT_THE_PERSON = """
Where do I live?
where do i live
What's my dog's name?
What is my dog called
Who am I?
Do you remember Bruno?
do you know my name
Does my sister like cheese?
Which city did I move to last year?
How many kids do I have
What colour is my car
Whose birthday did I mention?
Can you remind me what I said about the trip to Goa?
Remind me what I said about chess
Remind me of the restaurant's name, please
Tell me what my name is
Please tell me about my family
Tell me everything you know about me
Hey, what's my favourite food
what’s my favourite colour
Hi! Where do I work?
Ok so where did I grow up
So, who is my best friend?
Should I bring a coat to my mother's place?
What should I cook tonight?
What did we talk about yesterday?
What did you say earlier?
What was that city called again?
Have you told anybody my secret?
Have I been to Paris before?
Did I ever mention an allergy?
Didn't I tell you about Anna?
Haven't we discussed this before?
Am I vegetarian?
Was my old flat in Delhi?
Is Bruno my dog?
My dog's name is what again?
I moved to Mumbai last month. Where do I live now?
I wonder where I put my passport
I can't remember my sister's birthday
I forgot what I told you about the dentist
List all the places I have lived in
Summarise what I told you last week
Name all of my pets
Give me a summary of what you know about my job
Repeat what I said about the meeting
Could you give me some advice for my back pain?
What did I mean by "home"?
"Where do I live?"
What do you know about me??
What do you know about me?!
Where do I live? 😊
How old am I (roughly)?
¿Dónde vivo?
Wo wohne ich?
私はどこに住んでいますか？
أين أعيش؟
Как зовут мою собаку?
मैं कहाँ रहता हूँ?
"""

ABOUT_ANYTHING_ELSE = """
I live in Delhi and like chess.
My dog's name is Bruno
I moved to Mumbai last month
Hello!
Thanks, that helped me a lot.
Tell me a joke
Tell me a joke, please!
Please tell me a story about a dragon
Tell me about yourself
Tell me more
Would you tell me a story?
Can you help me?
Can you give me a recipe for dal?
Can you explain recursion to me?
May I ask what the time is?
Can we talk?
Shall we begin?
Remind me to buy milk
Let me think
What is the capital of France?
what's the weather like
Who wrote Hamlet?
What happened before the French revolution?
Was Rome founded earlier than Athens?
What time is it?
How are you?
Are you sure?
Really?
What do you think about it?
Do you like chess?
Is there life on Mars?
He asked "where are you? are you lost?" and I laughed.
My sister said “do you remember me?” at the door.
The sign read «Who goes there?», so I left
I like this page: https://example.org/?q=my+house
When I was young, I lived in Delhi.
Where I live it rains a lot.
What a day I had!
What I like most is my garden.
How lovely that my sister came.
Had lunch with my sister.
Had my first swim today
Have a nice day, I will be back.
Was at my mother's place today.
Will is my brother.
Can't wait for my birthday!
Do not worry about me.
Is what it is, I guess.
I remember the summer of 1999 well.
I told her that we used to live there.
You asked me how I was, and I was fine.
And then I did my homework.
Show must go on, my friend.
C'est la vie, mon ami.
Ich wohne in Berlin.
👍
42
"""


def lines(table: str) -> list[str]:
    return table.strip().splitlines()


def test_the_table_is_long() -> None:
    assert len(lines(ABOUT_THE_PERSON) + lines(ABOUT_ANYTHING_ELSE)) >= 110


@pytest.mark.parametrize("message", lines(ABOUT_THE_PERSON))
def test_a_question_about_the_person_or_their_past_is_recalled(message: str) -> None:
    assert choose_route(message) == "recall"


@pytest.mark.parametrize("message", lines(ABOUT_ANYTHING_ELSE))
def test_what_asks_nothing_about_the_person_is_conversation(message: str) -> None:
    assert choose_route(message) == "converse"


@given(st.text(max_size=4_000))
def test_any_text_has_a_route(message: str) -> None:
    assert choose_route(message) in ROUTES


@pytest.mark.parametrize("filling", ["what is ", "tell me ", '"', "? ", "my ", "so and ", "a."])
def test_the_longest_message_is_routed_at_once(filling: str) -> None:
    message = (filling * 4_000)[:4_000]

    assert choose_route(message) in ROUTES  # patterns that backtrack would take minutes here
