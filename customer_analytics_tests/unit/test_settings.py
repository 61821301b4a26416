"""What settings refuse, and how they take a variable that is set to nothing."""

import pytest
from pydantic import ValidationError

from customer_analytics.settings import Settings, settings


def test_faster_whisper_knows_only_the_pinned_weights() -> None:
    assert Settings(speech="openai-whisper", speech_model="large-v3").speech_model == "large-v3"
    with pytest.raises(ValidationError, match=r"tiny.en and base, not 'large-v3'"):
        Settings(speech_model="large-v3")


def test_the_address_of_openai_holds_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "https://user:secret@example.com/v1")
    with pytest.raises(ValidationError, match="OPENAI_API_KEY") as raised:
        Settings()
    assert "secret" not in str(raised.value)


def test_a_pattern_of_dates_is_checked_before_it_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    settings.cache_clear()
    monkeypatch.setenv("CUSTOMER_ANALYTICS_CALL_DATE_PATTERN", "")
    assert Settings().call_date_pattern is None
    monkeypatch.setenv("CUSTOMER_ANALYTICS_CALL_DATE_PATTERN", r"(?P<year>\d{4})")
    with pytest.raises(
        ValueError, match=r"^CUSTOMER_ANALYTICS_CALL_DATE_PATTERN: lacks the named groups month, day"
    ):
        settings()


def test_an_empty_address_is_openai_s(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "")
    assert Settings().openai_base_url == "https://api.openai.com/v1"


def test_what_is_wrong_is_told_in_a_sentence_with_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    settings.cache_clear()
    monkeypatch.setenv("CUSTOMER_ANALYTICS_WAREHOUSE", "oracle")
    with pytest.raises(
        ValueError, match=r"^CUSTOMER_ANALYTICS_WAREHOUSE: Input should be 'embedded' or 'snowflake'.$"
    ):
        settings()
    monkeypatch.setenv("CUSTOMER_ANALYTICS_WAREHOUSE", "embedded")
    monkeypatch.setenv("CUSTOMER_ANALYTICS_REGISTRY", "snowflake-ml")
    with pytest.raises(
        ValueError, match=r"^CUSTOMER_ANALYTICS_REGISTRY=snowflake-ml needs CUSTOMER_ANALYTICS_WAREHOUSE=snowflake"
    ):
        settings()
