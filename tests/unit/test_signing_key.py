import pytest

from jwt_authorizer.secret import Keys, SecretMissing, SigningKeys


class Source:
    def __init__(self, key: str) -> None:
        self.key = key
        self.previous = ""
        self.error: Exception | None = None
        self.reads = 0
        self.now = 0.0

    def fetch(self) -> Keys:
        self.reads += 1
        if self.error is not None:
            raise self.error
        return Keys(self.key, self.previous)

    def signing_key(self) -> SigningKeys:
        return SigningKeys(self.fetch, at_least_bytes=32, clock=lambda: self.now)


def test_the_key_is_read_on_first_use_and_again_after_five_minutes() -> None:
    source = Source("k" * 32)
    key = source.signing_key()
    assert source.reads == 0

    assert [key.value(), key.value()] == [("k" * 32,)] * 2
    assert source.reads == 1

    source.key, source.now = "n" * 32, 300.0
    assert key.value() == ("n" * 32,)


def test_the_key_is_kept_while_secrets_manager_is_away() -> None:
    source = Source("k" * 32)
    key = source.signing_key()
    key.value()
    source.error, source.now = TimeoutError(), 300.0

    assert [key.value() for _ in range(5)] == [("k" * 32,)] * 5
    assert source.reads == 2

    source.error, source.key, source.now = None, "n" * 32, 310.0
    assert key.value() == ("n" * 32,)


@pytest.mark.parametrize("error", [OSError(), ValueError()])
def test_a_secret_that_can_not_be_read_is_named(error: Exception) -> None:
    source = Source("k" * 32)
    source.error = error

    with pytest.raises(SecretMissing, match="SECRET_ARN"):
        source.signing_key().value()


@pytest.mark.parametrize("short", ["", "k" * 31])
def test_a_missing_or_short_key_is_named_and_looked_for_again_at_once(short: str) -> None:
    source = Source(short)
    key = source.signing_key()
    with pytest.raises(SecretMissing, match="SECRET_KEY"):
        key.value()

    source.key = "k" * 32

    assert key.value() == ("k" * 32,)


def test_the_key_before_stands_behind_the_current_one_and_has_the_same_length_rule() -> None:
    source = Source("n" * 32)
    source.previous = "k" * 32
    assert source.signing_key().value() == ("n" * 32, "k" * 32)

    source.previous = "k" * 31
    with pytest.raises(SecretMissing, match="SECRET_KEY_PREVIOUS"):
        source.signing_key().value()
