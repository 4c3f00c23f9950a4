import pytest

from generate.sample import SampleConfig


@pytest.mark.parametrize("option", [{"stop": ("[Coro]",)}, {"max_new_tokens": 9}, {"presence_penalty": 1.0}])
def test_an_option_that_a_form_would_ignore_is_refused(option: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(option))} would do nothing in a form"):
        SampleConfig(corpus="nadie", form="ABBA 8", **option)  # pyright: ignore[reportArgumentType]
    SampleConfig(corpus="nadie", **option)  # pyright: ignore[reportArgumentType]


def test_what_holds_in_a_form_is_taken() -> None:
    SampleConfig(corpus="nadie", form="ABBA 8", temperature=0.5, banned_words=("amor",), max_copied_words=4)
