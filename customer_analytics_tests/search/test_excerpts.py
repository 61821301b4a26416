"""Long texts in pieces."""

from hypothesis import given
from hypothesis import strategies as st

from customer_analytics.ports.answers.excerpts import excerpts


def test_a_short_text_is_one_piece() -> None:
    assert excerpts("  All well. Thanks. ", 40) == ["All well. Thanks."]


def test_a_text_of_white_space_has_none() -> None:
    assert excerpts(" \n\t ", 40) == []


def test_pieces_are_whole_sentences_as_they_stand() -> None:
    text = "It broke.  We sent it back! Nobody answered? The end."
    assert excerpts(text, 30) == ["It broke.  We sent it back!", "Nobody answered? The end."]


def test_a_sentence_that_is_too_long_is_cut_between_words() -> None:
    assert excerpts("one two three four five", 9) == ["one two", "three", "four five"]


@given(st.text(alphabet="ab.! \n", max_size=200), st.integers(1, 30))
def test_pieces_come_in_order_and_leave_out_nothing_but_white_space(text: str, characters: int) -> None:
    pieces = excerpts(text, characters)
    assert "".join("".join(pieces).split()) == "".join(text.split())
    position = 0
    for piece in pieces:
        position = text.index(piece, position) + len(piece)
        assert len(piece) <= characters or not any(c.isspace() for c in piece)
