"""One module a page; Streamlit runs it from top to bottom at each change."""
