"""The dashboard over a deployment, page by page."""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

import customer_analytics.dashboard
from customer_analytics.dashboard.reading import reading
from customer_analytics.settings import settings

APP = Path(customer_analytics.dashboard.__file__).with_name("app.py")
Open = Callable[..., AppTest]


@contextmanager
def looking_at(home: Path, variables: Mapping[str, str] | None = None) -> Iterator[Open]:
    """Yield a function that opens a dashboard page over a state folder, with query parameters."""

    def forget() -> None:
        settings.cache_clear()
        st.cache_data.clear()
        st.cache_resource.clear()

    def open_page(page: str, **query: str) -> AppTest:
        app = AppTest.from_file(str(APP), default_timeout=120)
        if page != "marketing":  # where the app begins
            app.run().switch_page(f"views/{page}.py")
        for name, value in query.items():
            app.query_params[name] = value
        return _sound(app.run())

    main = sys.modules["__main__"]  # AppTest replaces it by the page, which spawned processes would import
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (variables or {}).items():
            patch.setenv(name, value)
        patch.setenv("CUSTOMER_ANALYTICS_HOME", str(home))
        patch.setenv("DAGSTER_HOME", str(home / "dagster"))
        forget()
        yield open_page
        reading().warehouse.close()
        forget()
        sys.modules["__main__"] = main


def _sound(app: AppTest) -> AppTest:
    assert [error.value for error in app.exception] == []
    assert [error.value for error in app.error if "checks have not passed" not in error.value] == []
    return app
