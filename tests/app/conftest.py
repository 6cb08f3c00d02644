"""What every test of the app starts from."""

import pytest
from streamlit.runtime.caching import clear_session_data_cache, clear_session_resource_cache

AS_ONE_SESSION = "test session id"


@pytest.fixture(autouse=True)
def _nothing_kept() -> None:
    """All apps under test count as one session, whose results would outlive a test."""
    clear_session_data_cache(AS_ONE_SESSION)
    clear_session_resource_cache(AS_ONE_SESSION)
